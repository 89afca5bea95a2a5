import {
  AppendOutcomeUnknownError,
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type ReadAllOptions,
  type ReadStreamOptions,
  StoreUnavailableError,
  type SubscribeOptions,
  type Subscription,
} from '#event-store';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';

/** What becomes of one append. */
export type AppendFault =
  | 'fine'
  /** Written, but the answer is lost. */
  | 'answer-lost'
  /** Not written, and nobody can tell. */
  | 'request-lost'
  /** Known not to be written. */
  | 'unavailable';

export interface Faults {
  /** Asked once per append; how long it takes to arrive, what becomes of it, how long its answer takes. */
  append(): { readonly fault: AppendFault; readonly arrivesAfterMs?: number; readonly answersAfterMs?: number };
  /** Asked once per read. */
  isReadable(): boolean;
}

/** Passes everything on to a store, except what its faults say otherwise. */
export class FaultyEventStore implements EventStore {
  constructor(
    private readonly inner: EventStore,
    private readonly sleep: (ms: number) => Promise<void>,
    private readonly faults: Faults,
  ) {}

  async append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    const { fault, arrivesAfterMs = 0, answersAfterMs = 0 } = this.faults.append();
    if (arrivesAfterMs > 0) await this.sleep(arrivesAfterMs);
    if (fault === 'unavailable') throw new StoreUnavailableError('the store is away');
    if (fault === 'request-lost') throw new AppendOutcomeUnknownError('the request may be lost');
    const result = await this.inner.append(stream, expected, events);
    if (answersAfterMs > 0) await this.sleep(answersAfterMs);
    if (fault === 'answer-lost') throw new AppendOutcomeUnknownError('the answer may be lost');
    return result;
  }

  async *readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<StoredEvent> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    yield* this.inner.readStream(stream, options);
  }

  async *readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    yield* this.inner.readAll(options);
  }

  async *streamNames(prefix: string): AsyncIterable<StreamName> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    yield* this.inner.streamNames(prefix);
  }

  subscribe(options: SubscribeOptions): Subscription {
    return this.inner.subscribe(options);
  }

  lastPosition(): Promise<bigint> {
    return this.inner.lastPosition();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
