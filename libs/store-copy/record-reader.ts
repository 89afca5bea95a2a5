import type { EventStoreReader } from '#event-store';
import type { StoredEvent, StreamName } from '#kernel';
import { type PatienceOptions, readAllPatiently } from './patience';

export interface ReadRecordOptions extends PatienceOptions {
  /** Position of the last event to read. */
  readonly end: bigint;
  readonly leaveOut: ReadonlySet<StreamName>;
}

/** A record in the store's order, from its beginning to a fixed end, so that a store in use ends as well. */
export async function* readRecord(store: EventStoreReader, options: ReadRecordOptions): AsyncGenerator<StoredEvent> {
  if (options.end === 0n) return;
  for await (const event of readAllPatiently(store, {}, options)) {
    options.signal?.throwIfAborted();
    if (event.position > options.end) return;
    if (!options.leaveOut.has(event.stream)) yield event;
    if (event.position === options.end) return;
  }
}
