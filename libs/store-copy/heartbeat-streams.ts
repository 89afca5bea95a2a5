import type { EventStoreReader } from '#event-store';
import type { StreamName } from '#kernel';
import { type PatienceOptions, readAllPatiently } from './patience';

/** Streams in which gateways say that they are alive; one for each start of a gateway. */
export const HEARTBEAT_PREFIX = 'gateway-';

/**
 * Heartbeat streams of which a store no longer holds everything: an operator may let the server drop old heartbeats
 * ($maxCount), and a stream without its beginning cannot be appended elsewhere under the same revisions. They hold
 * nothing but liveness, so they are left out; any other stream without its beginning is an error.
 */
export async function truncatedHeartbeats(
  store: EventStoreReader,
  end: bigint,
  options: PatienceOptions,
): Promise<Set<StreamName>> {
  const next = new Map<StreamName, bigint>();
  const truncated = new Set<StreamName>();
  for await (const event of readAllPatiently(store, { streamPrefixes: [HEARTBEAT_PREFIX] }, options)) {
    if (event.position > end) break;
    options.signal?.throwIfAborted();
    if (event.revision !== (next.get(event.stream) ?? 0n)) truncated.add(event.stream);
    next.set(event.stream, event.revision + 1n);
  }
  return truncated;
}
