import type { EventStoreReader } from '#event-store';
import type { StreamName } from '#kernel';
import type { Difference } from './difference';
import { HEARTBEAT_PREFIX } from './heartbeat-streams';
import type { StreamHead } from './record-tally';

const READS_IN_FLIGHT = 16;

/**
 * Whether each stream, read by itself, shows the last event that the store's order has of it: a store keeps an index of
 * its streams beside the order, and gateways read streams. Heartbeat streams may be truncated to nothing, and are passed
 * over.
 */
export async function differingHead(
  name: 'source' | 'target',
  store: EventStoreReader,
  heads: ReadonlyMap<StreamName, StreamHead>,
  signal: AbortSignal | undefined,
): Promise<Difference | undefined> {
  const queue = heads.entries();
  let difference: Difference | undefined;
  const work = async (): Promise<void> => {
    for (const [stream, head] of queue) {
      signal?.throwIfAborted();
      if (difference !== undefined) return;
      if (stream.startsWith(HEARTBEAT_PREFIX) || (await shows(store, stream, head))) continue;
      const sentence = `the ${name} does not show ${head.id} at ${stream}@${head.revision} when that stream is read by itself, though its order of all events has it there`;
      difference = { kind: 'other-head', store: name, sentence };
    }
  };
  await Promise.all(Array.from({ length: READS_IN_FLIGHT }, work));
  return difference;
}

async function shows(store: EventStoreReader, stream: StreamName, { revision, id }: StreamHead): Promise<boolean> {
  for await (const event of store.readStream(stream, { from: revision, eventsMax: 1 }))
    return event.revision === revision && event.id === id;
  return false;
}
