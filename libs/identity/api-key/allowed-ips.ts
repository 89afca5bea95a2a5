import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Branded } from '#kernel';

/** A range of addresses such as `203.0.113.0/24` or `2001:db8::/32`. */
export type Cidr = Branded<string, 'Cidr'>;

export const ALLOWED_IPS_MAX = 100;
export const ALLOWED_IPS_RULE = `name 1 to ${ALLOWED_IPS_MAX} addresses or ranges such as 203.0.113.0/24 or 2001:db8::/32; IPv4 in its own form`;

const RANGE = /^([0-9a-fA-F.:]{2,45})(?:\/(0|[1-9]\d{0,2}))?$/;
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Parses one range; an address alone is the range of itself. Bits beyond the prefix mean nothing and are kept as they
 * were written. IPv4 ranges in IPv6 clothes (`::ffff:…`) are not taken: their prefix is too easily mistaken.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', prefix] = RANGE.exec(text.trim()) ?? [];
  if (/^::ffff:/i.test(address)) return undefined;
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  if (bits === undefined) return undefined;
  const length = prefix === undefined ? bits : Number(prefix);
  return length > bits ? undefined : (`${address.toLowerCase()}/${length}` as Cidr);
}

/** Parses a list of ranges: at least one, at most ALLOWED_IPS_MAX, each once, sorted. Anything else is `undefined`. */
export function parseAllowedIps(texts: readonly string[]): readonly Cidr[] | undefined {
  if (texts.length === 0 || texts.length > ALLOWED_IPS_MAX) return undefined;
  const parsed = new Set<Cidr>();
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (cidr === undefined) return undefined;
    parsed.add(cidr);
  }
  return [...parsed].sort();
}

/**
 * Prepares ranges for many questions. A client's IPv4 address counts in both of its forms (`192.0.2.1` and
 * `::ffff:192.0.2.1`, which a socket that listens on both families reports); a zone (`%eth0`) is ignored; what is no
 * address at all is in no range.
 */
export function allowedIpMatcher(cidrs: readonly Cidr[]): (ip: string) => boolean {
  // Two lists, for in a common one the IPv6 range `::/0` would cover IPv4 as well.
  const [ipv4, ipv6] = [new BlockList(), new BlockList()];
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    if (isIPv4(address)) ipv4.addSubnet(address, Number(prefix), 'ipv4');
    else ipv6.addSubnet(address, Number(prefix), 'ipv6');
  }
  return (ip) => {
    const bare = ip.replace(/%.*$/, '');
    const address = MAPPED_IPV4.exec(bare)?.[1] ?? bare;
    if (isIPv4(address)) return ipv4.check(address, 'ipv4');
    return isIPv6(address) && ipv6.check(address, 'ipv6');
  };
}

/** Whether an address is in one of the ranges; no list at all means that every address is. */
export function isAllowed(ip: string, cidrs: readonly Cidr[] | undefined): boolean {
  return cidrs === undefined || allowedIpMatcher(cidrs)(ip);
}
