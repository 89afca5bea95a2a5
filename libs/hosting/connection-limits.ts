import type { Configuration } from '#configuration';
import { addressMatcher, type ConnectionLimits } from '#http-server';

/** What an operator allows of connections, on the port for clients and on the one for other gateways alike. */
export function connectionLimits(
  configuration: Pick<Configuration, 'connectionsMax' | 'connectionsPerAddressMax' | 'trustedProxies'>,
): ConnectionLimits {
  const { connectionsMax, connectionsPerAddressMax, trustedProxies } = configuration;
  return { connectionsMax, connectionsPerAddressMax, isTrustedProxy: addressMatcher(trustedProxies) };
}
