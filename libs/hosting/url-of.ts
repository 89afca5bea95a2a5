/** The URL of an address to listen on; an IPv6 address stands in brackets (RFC 3986 §3.2.2). */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
