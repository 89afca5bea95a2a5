import {
  AppendOutcomeUnknownError,
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type ReadAllOptions,
  type ReadStreamOptions,
  StoreUnavailableError,
} from '#event-store';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';
import { PassingEventStore } from './passing-event-store';

/** What becomes of one append. */
export type AppendFault =
  | 'fine'
  /** Written, but the answer is lost. */
  | 'answer-lost'
  /** Not written, and nobody can tell. */
  | 'request-lost'
  /** Known not to be written. */
  | 'unavailable'
  /** The same request arrives twice, the second time after others; either answer may be the one that comes back. */
  | 'delivered-twice'
  /** Nobody can tell whether it was written; it arrives long after. */
  | 'delivered-late';

const LATE_MS = 700;

export interface Faults {
  /** Asked once per append; how long it takes to arrive, what becomes of it, how long its answer takes. */
  append(): { readonly fault: AppendFault; readonly arrivesAfterMs?: number; readonly answersAfterMs?: number };
  /** Asked once per read. */
  isReadable(): boolean;
  /** Asked once per read of a stream: how long it takes to arrive, and its answer to come back. */
  read?(): { readonly arrivesAfterMs: number; readonly answersAfterMs: number };
}

/** Passes everything on to a store, except what its faults say otherwise. */
export class FaultyEventStore extends PassingEventStore {
  constructor(
    inner: EventStore,
    private readonly sleep: (ms: number) => Promise<void>,
    private readonly faults: Faults,
  ) {
    super(inner);
  }

  override async append(
    stream: StreamName,
    expected: ExpectedRevision,
    events: readonly EncodedEvent[],
  ): Promise<AppendResult> {
    const { fault, arrivesAfterMs = 0, answersAfterMs = 0 } = this.faults.append();
    if (arrivesAfterMs > 0) await this.sleep(arrivesAfterMs);
    if (fault === 'unavailable') throw new StoreUnavailableError('the store is away');
    if (fault === 'request-lost') throw new AppendOutcomeUnknownError('the request may be lost');
    if (fault === 'delivered-late') {
      this.deliverLate(stream, expected, events);
      throw new AppendOutcomeUnknownError('the request is on its way');
    }
    const result = await this.current.append(stream, expected, events);
    if (fault === 'delivered-twice') {
      if (answersAfterMs > 0) await this.sleep(answersAfterMs);
      return this.current.append(stream, expected, events);
    }
    if (answersAfterMs > 0) await this.sleep(answersAfterMs);
    if (fault === 'answer-lost') throw new AppendOutcomeUnknownError('the answer may be lost');
    return result;
  }

  private deliverLate(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): void {
    // Nobody waits for its answer any more.
    this.sleep(LATE_MS)
      .then(() => this.current.append(stream, expected, events))
      .catch(() => undefined);
  }

  override async *readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<StoredEvent> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    const delays = this.faults.read?.();
    if (delays === undefined) {
      yield* this.current.readStream(stream, options);
      return;
    }
    if (delays.arrivesAfterMs > 0) await this.sleep(delays.arrivesAfterMs);
    const found: StoredEvent[] = [];
    for await (const stored of this.current.readStream(stream, options)) found.push(stored);
    if (delays.answersAfterMs > 0) await this.sleep(delays.answersAfterMs);
    yield* found;
  }

  override async *readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    yield* this.current.readAll(options);
  }

  override async *streamNames(prefix: string): AsyncIterable<StreamName> {
    if (!this.faults.isReadable()) throw new StoreUnavailableError('the store is away');
    yield* this.current.streamNames(prefix);
  }
}
