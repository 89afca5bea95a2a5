import { isIPv4, isIPv6 } from 'node:net';

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The first four groups of an IPv6 address, without leading zeros. */
function network64(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // A tail in IPv4 form stands for two groups; it cannot be among the first four unless the rest is elided.
  const size = (list: readonly string[]) => list.reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0);
  const elided = tail === undefined ? 0 : 8 - size(groups) - size(after);
  const all = [...groups, ...Array.from({ length: Math.max(0, elided) }, () => '0'), ...after];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** An address without its zone: of IPv4, also where it is written as one of IPv6, as it is; of IPv6, its /64. */
export function networkOfAddress(
  address: string,
):
  | { readonly kind: 'ipv4'; readonly address: string }
  | { readonly kind: 'ipv6'; readonly network: string }
  | undefined {
  const bare = address.replace(/%.*$/, '');
  const ip = MAPPED_IPV4.exec(bare)?.[1] ?? bare;
  if (isIPv4(ip)) return { kind: 'ipv4', address: ip };
  return isIPv6(ip) ? { kind: 'ipv6', network: `${network64(ip)}::/64` } : undefined;
}

/**
 * What one client can have of addresses: an address of IPv4, the /64 of one of IPv6. Whoever has a /64 has all of its
 * addresses, so counting them one by one would limit nobody.
 */
export function clientNetwork(address: string): string {
  const network = networkOfAddress(address);
  if (network === undefined) return 'unknown';
  return network.kind === 'ipv4' ? network.address : network.network;
}
