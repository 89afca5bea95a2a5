import type { EventStore } from '#event-store';
import { openLmdbEventStoreReader } from '#event-store/lmdb';
import type { EventId } from '#kernel';

/** Which record to read, said in a way that can be handed to another thread. */
export type RecordSource =
  | { readonly kind: 'lmdb'; readonly directory: string }
  /** The connection string may hold a password: it goes to the thread and never into a message or a log. */
  | { readonly kind: 'eventstoredb'; readonly url: string };

/** What a projector reads: the record, by whomever it is written. */
export interface RecordReader extends Pick<EventStore, 'readAll' | 'lastPosition' | 'close'> {
  /** Id of the event at a position; `undefined` when none stands there, as in a record restored to an older state. */
  eventIdAt(position: bigint): Promise<EventId | undefined>;
}

/** For stores whose positions can be read from in between. */
export function denseReader(store: Omit<RecordReader, 'eventIdAt'>): RecordReader {
  return {
    readAll: (options) => store.readAll(options),
    lastPosition: () => store.lastPosition(),
    close: () => store.close(),
    async eventIdAt(position) {
      for await (const event of store.readAll({ after: position - 1n, eventsMax: 1 }))
        return event.position === position ? event.id : undefined;
      return undefined;
    },
  };
}

export async function openRecordReader(source: RecordSource): Promise<RecordReader> {
  switch (source.kind) {
    case 'lmdb':
      return denseReader(openLmdbEventStoreReader(source.directory));
    case 'eventstoredb': {
      // Its client is large, and where the record is on disk nobody needs it.
      const { EventStoreDbEventStore, parseConnectionString } = await import('#event-store/eventstoredb');
      return new EventStoreDbEventStore(parseConnectionString(source.url));
    }
  }
}
