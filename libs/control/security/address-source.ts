import { networkOfAddress } from '#http-edge';

/**
 * Where failures of authentication are counted: the /24 of an IPv4 address, the /64 of an IPv6 address. So an attacker
 * with a whole network is one source, and no single person's address is recorded.
 */
export function addressSource(address: string): string {
  const network = networkOfAddress(address);
  if (network === undefined) return 'unknown';
  if (network.kind === 'ipv6') return network.network;
  return `${network.address.slice(0, network.address.lastIndexOf('.'))}.0/24`;
}
