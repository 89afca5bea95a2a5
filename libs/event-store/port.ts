import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';

/**
 * What the appender believes the stream's last revision to be. `no-stream`: it has no event yet. `any`: no belief, for
 * facts that no decision depends on. A required argument: forgetting it must not mean "any".
 */
export type ExpectedRevision = bigint | 'no-stream' | 'any';

export interface AppendResult {
  /** Revision of the last event written. */
  readonly revision: bigint;
  /** Position of the last event written. */
  readonly position: bigint;
}

/** Somebody else appended first; nothing of this append was written. */
export class WrongExpectedRevisionError extends Error {
  override readonly name = 'WrongExpectedRevisionError';
  constructor(
    readonly stream: StreamName,
    readonly expected: ExpectedRevision,
    readonly actual: bigint | 'no-stream',
  ) {
    super(`${stream} is at ${actual}, not at ${expected}`);
  }
}

/**
 * The store did not answer for certain: the append may or may not have been written. Repeat it with the same event ids
 * and the same expected revision, or read the stream.
 */
export class AppendOutcomeUnknownError extends Error {
  override readonly name = 'AppendOutcomeUnknownError';
}

/** The store cannot be reached or is closed; nothing was written. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** A position that this store's history does not hold: the store was restored to an older state, or it is another one. */
export class StoreHistoryChangedError extends Error {
  override readonly name = 'StoreHistoryChangedError';
  constructor(what: string, options?: ErrorOptions) {
    super(
      `the event store no longer has the history that was read before: ${what}. It was restored to an older state or replaced; rebuild what was derived from it before going on`,
      options,
    );
  }
}

/**
 * An append that no store could take (no event, bad id or stream name, too large): a bug of the caller; nothing was
 * written.
 */
export class InvalidAppendError extends Error {
  override readonly name = 'InvalidAppendError';
}

/** The most that one append may carry. */
export const APPEND_BYTES_MAX = 1_000_000;
export const APPEND_EVENTS_MAX = 2_000;
/** The longest stream name, in UTF-8. It must not begin with "$". */
export const STREAM_NAME_BYTES_MAX = 256;
/** The longest event type, in UTF-16 units. */
export const EVENT_TYPE_LENGTH_MAX = 256;

export interface ReadStreamOptions {
  /** Inclusive. Default: the first revision forwards, the last one backwards. */
  readonly from?: bigint;
  readonly direction?: 'forwards' | 'backwards';
  /** Default: to the end of the stream as it is when the read arrives there. */
  readonly eventsMax?: number;
}

export interface ReadAllOptions {
  /** Exclusive: the last position already seen. Default: from the beginning. */
  readonly after?: bigint;
  readonly eventsMax?: number;
  /** Only streams whose names begin with one of these. */
  readonly streamPrefixes?: readonly string[];
}

export interface SubscribeOptions extends Omit<ReadAllOptions, 'eventsMax'> {
  /** Called for one event at a time, in order; the next waits until it settles. A rejection ends the subscription. */
  readonly onEvent: (event: StoredEvent) => void | Promise<void>;
  /** Called once history is delivered, and again after each later catch-up, with the position that was reached. */
  readonly onCaughtUp?: (position: bigint) => void;
  /** Called once, when the subscription ends for another reason than `close()`. */
  readonly onDropped?: (reason: Error) => void;
}

export interface Subscription {
  /**
   * Ends delivery: once it resolves, no handler runs or will be called. It waits for a handler under way, so a handler
   * must not await it.
   */
  close(): Promise<void>;
}

/**
 * Streams of events with optimistic concurrency and one global order. Guarantees of every adapter, proved by the
 * contract suite: an append is atomic and durable when it resolves; revisions are gapless from 0; positions grow; an
 * append repeated with the same ids and the same expected revision (never `any`) resolves with the original result and
 * writes nothing; a missing stream reads as empty.
 */
export interface EventStore {
  append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult>;
  readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<StoredEvent>;
  readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent>;
  /** Names of the streams that begin with a prefix, each once. */
  streamNames(prefix: string): AsyncIterable<StreamName>;
  /** @throws StoreUnavailableError when the store is closed. */
  subscribe(options: SubscribeOptions): Subscription;
  /** Position of the last event, 0n when there is none. */
  lastPosition(): Promise<bigint>;
  /** Ends subscriptions and waits for appends under way; every later call is refused with StoreUnavailableError. */
  close(): Promise<void>;
}

/** What only reads, such as a worker thread beside the writing one. */
export type EventStoreReader = Pick<EventStore, 'readStream' | 'readAll' | 'streamNames' | 'lastPosition' | 'close'>;
