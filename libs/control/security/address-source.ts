import { isIPv4, isIPv6 } from 'node:net';

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The first four groups of an IPv6 address, without leading zeros. */
function networkOf(address: string): string {
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

/**
 * Where failures of authentication are counted: the /24 of an IPv4 address, the /64 of an IPv6 address. So an attacker
 * with a whole network is one source, and no single person's address is recorded.
 */
export function addressSource(address: string): string {
  const bare = address.replace(/%.*$/, '');
  const ip = MAPPED_IPV4.exec(bare)?.[1] ?? bare;
  if (isIPv4(ip)) return `${ip.slice(0, ip.lastIndexOf('.'))}.0/24`;
  return isIPv6(ip) ? `${networkOf(ip)}::/64` : 'unknown';
}
