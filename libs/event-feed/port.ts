import type { StoredEvent } from '#kernel';

/** A bounded run of one partition's events, in the record's order. */
export interface FeedBatch {
  /** Which part of the record the batch belongs to; order holds within a partition only. */
  readonly partition: string;
  /** Positions grow. Empty when only the watermark moved, or to say that the consumer has caught up. */
  readonly events: readonly StoredEvent[];
  /** The watermark: all of the partition's events through this position were delivered, with this batch or before. */
  readonly through: bigint;
  /** Nothing later was in the record when this batch was read. */
  readonly atEnd: boolean;
}

export interface ConsumeOptions {
  /** The position that the consumer has durably worked through; asked when delivery of a partition (re)starts. */
  readonly checkpoint: (partition: string) => Promise<bigint>;
  /**
   * Handles one batch; the next one waits. A rejection is reported, and delivery starts again from the checkpoint after
   * a pause: a batch may therefore come again, and consumers must not mind.
   */
  readonly onBatch: (batch: FeedBatch) => Promise<void>;
  /** A batch that could not be read or handled; delivery goes on by itself. */
  readonly onError: (error: Error) => void;
}

export interface FeedConsumer {
  /** Ends delivery: once it resolves, no handler runs or will be called. A handler must not await it. */
  close(): Promise<void>;
}

export interface ReplayOptions {
  /** Exclusive. */
  readonly after: bigint;
  /** Inclusive. */
  readonly through: bigint;
}

/** The feed was closed. */
export class FeedClosedError extends Error {
  override readonly name = 'FeedClosedError';
}

/**
 * How events reach those that read them: in order within a partition, at least once, in bounded batches, one batch at a
 * time. The feed keeps no progress of its own: a consumer's checkpoint lives where its results do, so that both move in
 * one transaction.
 */
export interface EventFeed {
  /** Delivers what comes after the checkpoint, and then whatever is appended, until closed. */
  consume(options: ConsumeOptions): FeedConsumer;
  /** Reads a stretch of history once, for rebuilds; ends when `through` is reached or the record ends before it. */
  replay(options: ReplayOptions): AsyncIterable<FeedBatch>;
  /** Ends every consumer. */
  close(): Promise<void>;
}
