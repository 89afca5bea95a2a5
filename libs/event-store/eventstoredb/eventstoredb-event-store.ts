import type { EncodedEvent, EpochMs, EventId, StoredEvent, StreamName } from '#kernel';
import { assertValidAppend } from '../append-rules';
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
import { BatchAppender } from './batch-appender';
import type { ConnectionSettings } from './connection-settings';
import { streamPageRequest } from './read-requests';
import { Reads } from './reads';
import { recordedTimeOf } from './recorded-event';
import { limitsEvent, metadataStream, type StreamLimits } from './stream-limits';
import { StreamsConnection } from './streams-connection';
import { EventStoreDbSubscription } from './subscription';

export interface EventStoreDbOptions {
  /** After so long without an answer an append ends as AppendOutcomeUnknownError. Default: 5,000. */
  readonly appendTimeoutMs?: number;
  /** Bodies of appends under way; beyond it an append ends as StoreUnavailableError. Default: 64,000,000. */
  readonly pendingAppendBytesMax?: number;
  /** After so long without a byte a read ends as StoreUnavailableError. Default: 10,000. */
  readonly readIdleTimeoutMs?: number;
}

/**
 * The port over EventStoreDB 23.10 or newer, written against its behaviour as measured (see the facts suite of the
 * protocol double). Nothing is sent before the first call, and the connection comes back by itself after any failure.
 */
export class EventStoreDbEventStore implements EventStore {
  readonly #connection: StreamsConnection;
  readonly #appender: BatchAppender;
  readonly #reads: Reads;
  readonly #subscriptions = new Set<EventStoreDbSubscription>();
  #closing: Promise<void> | undefined;

  /** @throws InvalidConnectionStringError when the authority's file cannot be used. */
  constructor(settings: ConnectionSettings, options: EventStoreDbOptions = {}) {
    this.#connection = StreamsConnection.open(settings);
    this.#appender = new BatchAppender(() => this.#connection.openAppendCall(), {
      timeoutMs: options.appendTimeoutMs ?? 5_000,
      pendingBytesMax: options.pendingAppendBytesMax ?? 64_000_000,
    });
    this.#reads = new Reads((request) => this.#connection.openReadCall(request), options.readIdleTimeoutMs ?? 10_000);
  }

  async append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    this.#assertOpen();
    assertValidAppend(stream, expected, events);
    return this.#appender.append({ stream, expected, events });
  }

  async *readStream(stream: StreamName, options: ReadStreamOptions = {}): AsyncIterable<StoredEvent> {
    this.#assertOpen();
    yield* this.#reads.stream(stream, options);
  }

  /** @throws StoreHistoryChangedError when the store does not hold the position to read after. */
  async *readAll(options: ReadAllOptions = {}): AsyncIterable<StoredEvent> {
    this.#assertOpen();
    yield* this.#reads.all(options);
  }

  /** Reads the whole store: the server keeps no list of names unless its own projections run. */
  async *streamNames(prefix: string): AsyncIterable<StreamName> {
    this.#assertOpen();
    const seen = new Set<StreamName>();
    for await (const { stream } of this.#reads.all({ streamPrefixes: [prefix] })) {
      if (seen.has(stream)) continue;
      seen.add(stream);
      yield stream;
    }
  }

  subscribe(options: SubscribeOptions): Subscription {
    this.#assertOpen();
    const source = {
      reads: this.#reads,
      openReadCall: this.#connection.openReadCall.bind(this.#connection),
    };
    const subscription = new EventStoreDbSubscription(source, options, (ended) => this.#subscriptions.delete(ended));
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async lastPosition(): Promise<bigint> {
    this.#assertOpen();
    return this.#reads.lastPosition();
  }

  /** Id of the event at a position; `undefined` when none stands there or the store ends before it. */
  async eventIdAt(position: bigint): Promise<EventId | undefined> {
    this.#assertOpen();
    return this.#reads.idAt(position);
  }

  /**
   * When the server recorded an event, by the server's clock. Who appended it knows that this was between sending it and
   * being answered, and so how far apart the two clocks are. `undefined` when the stream does not show the event.
   * @throws StoreUnavailableError
   */
  async recordedAt(stream: StreamName, revision: bigint): Promise<EpochMs | undefined> {
    this.#assertOpen();
    const [found] = await this.#reads.page(streamPageRequest(stream, 'forwards', revision, 1));
    return found === undefined || BigInt(found.getStreamRevision()) !== revision ? undefined : recordedTimeOf(found);
  }

  /**
   * Bounds what the server shows of a stream, in place of any limits that it had; for streams whose past nobody needs.
   * Hidden events stay among all events until the server is scavenged, and revisions go on as they were.
   * @throws RangeError for a limit that is no positive 32-bit integer, AppendOutcomeUnknownError, StoreUnavailableError
   */
  async limitStream(stream: StreamName, limits: StreamLimits): Promise<void> {
    this.#assertOpen();
    // Whoever writes last is right, and writing the same again changes nothing.
    await this.#appender.append({ stream: metadataStream(stream), expected: 'any', events: [limitsEvent(limits)] });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    await this.#appender.close();
    await this.#connection.shutDown();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailableError('the event store is closed');
  }
}
