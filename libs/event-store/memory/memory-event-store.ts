import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';
import { mayFollow, NO_HEAD, repeatedRange, sameIds, wrongExpectedRevision } from '../append-decision';
import { assertValidAppend } from '../append-rules';
import { InProcessSubscriptions } from '../in-process-subscription';
import { matchesPrefix, PAGE_EVENTS_MAX, type Page, readAllPages } from '../page';
import {
  type AppendResult,
  type EventStore,
  type ExpectedRevision,
  type ReadAllOptions,
  type ReadStreamOptions,
  StoreUnavailableError,
  type SubscribeOptions,
  type Subscription,
} from '../port';

/** Keeps everything in memory, for tests and simulations; positions count from 1 without gaps. */
export class MemoryEventStore implements EventStore {
  readonly #all: StoredEvent[] = [];
  readonly #streams = new Map<StreamName, StoredEvent[]>();
  readonly #subscriptions = new InProcessSubscriptions();
  #closed = false;

  async append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    this.#assertOpen();
    assertValidAppend(stream, expected, events);
    const written = this.#streams.get(stream) ?? [];
    const head = BigInt(written.length) - 1n;
    if (!mayFollow(expected, head)) {
      const range = repeatedRange(expected, head, events);
      const repeated = range === undefined ? [] : written.slice(Number(range.first), Number(range.last) + 1);
      const original = sameIds(
        events,
        repeated.map(({ id }) => id),
      )
        ? repeated.at(-1)
        : undefined;
      if (original === undefined) throw wrongExpectedRevision(stream, expected, head);
      return { revision: original.revision, position: original.position };
    }
    const after = BigInt(this.#all.length);
    for (const { id, type, body } of events) {
      const revision = BigInt(written.length);
      const position = BigInt(this.#all.length + 1);
      // The body is copied, as a store on disk would: a caller that reuses its buffer must not change the record.
      const stored = { id, type, body: new Uint8Array(body), stream, revision, position };
      written.push(stored);
      this.#all.push(stored);
    }
    this.#streams.set(stream, written);
    const position = BigInt(this.#all.length);
    this.#subscriptions.notify({ after, reached: position, streams: [stream] });
    return { revision: BigInt(written.length) - 1n, position };
  }

  async *readStream(stream: StreamName, options: ReadStreamOptions = {}): AsyncIterable<StoredEvent> {
    this.#assertOpen();
    const backwards = options.direction === 'backwards';
    const step = backwards ? -1n : 1n;
    let left = options.eventsMax ?? Number.POSITIVE_INFINITY;
    const head = BigInt(this.#streams.get(stream)?.length ?? 0) - 1n;
    let at = options.from ?? (backwards ? head : 0n);
    if (backwards && at > head) at = head;
    for (; left > 0 && at > NO_HEAD; at += step, left -= 1) {
      const event = this.#streams.get(stream)?.[Number(at)];
      if (event === undefined) return;
      yield event;
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncIterable<StoredEvent> {
    this.#assertOpen();
    yield* readAllPages((after, prefixes) => this.#readPage(after, prefixes), options);
  }

  async *streamNames(prefix: string): AsyncIterable<StreamName> {
    this.#assertOpen();
    for (const name of [...this.#streams.keys()]) if (name.startsWith(prefix)) yield name;
  }

  subscribe(options: SubscribeOptions): Subscription {
    this.#assertOpen();
    return this.#subscriptions.open((after, prefixes) => this.#readPage(after, prefixes), options);
  }

  async lastPosition(): Promise<bigint> {
    this.#assertOpen();
    return BigInt(this.#all.length);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#subscriptions.close();
  }

  #readPage(after: bigint, prefixes: readonly string[] | undefined): Page {
    const from = Number(after);
    const page = this.#all.slice(from, from + PAGE_EVENTS_MAX);
    return {
      events: page.filter((event) => matchesPrefix(event.stream, prefixes)),
      reached: after + BigInt(page.length),
      atEnd: from + page.length >= this.#all.length,
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreUnavailableError('the event store is closed');
  }
}
