import type {
  AppendResult,
  EventStore,
  ExpectedRevision,
  ReadAllOptions,
  ReadStreamOptions,
  SubscribeOptions,
  Subscription,
} from '#event-store';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';

/**
 * Passes everything on to a store: what doubles that only meddle with some of it extend. The store may be exchanged under
 * its users' feet, as a restore from a backup does.
 */
export class PassingEventStore implements EventStore {
  constructor(public current: EventStore) {}

  append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    return this.current.append(stream, expected, events);
  }

  readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<StoredEvent> {
    return this.current.readStream(stream, options);
  }

  readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent> {
    return this.current.readAll(options);
  }

  streamNames(prefix: string): AsyncIterable<StreamName> {
    return this.current.streamNames(prefix);
  }

  subscribe(options: SubscribeOptions): Subscription {
    return this.current.subscribe(options);
  }

  lastPosition(): Promise<bigint> {
    return this.current.lastPosition();
  }

  close(): Promise<void> {
    return this.current.close();
  }
}
