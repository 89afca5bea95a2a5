import type { CallId, EpochMs } from '#kernel';

/**
 * What is remembered of a call that carried an Idempotency-Key. Written before the call's settlement, so that every
 * charged call has its row: the row is the index of keys and the answer in one.
 */
export interface AnswerRow {
  readonly callId: CallId;
  /** HMAC of the request body. */
  readonly body: string;
  /** Encrypted answer; absent when it is lost or was too large to keep. */
  readonly answer?: Uint8Array;
  readonly expiresAt: EpochMs;
}

/** Shared by all gateways of a platform. */
export interface AnswerStore {
  /** Durable when it resolves; replaces an earlier row of the same key. */
  put(key: string, row: AnswerRow): Promise<void>;
  /** The row, unless it has expired at this time. Sees every `put` that has resolved, on any gateway. */
  find(key: string, now: EpochMs): Promise<AnswerRow | undefined>;
  /** Forgets rows that have expired; says how many, at most `rowsMax` at once. */
  sweep(now: EpochMs, rowsMax: number): Promise<number>;
  close(): Promise<void>;
}

/** How long a key is remembered after its call. */
export const ANSWER_RETENTION_MS = 24 * 3_600_000;
/** Larger answers are not kept; a repeat is told so. */
export const ANSWER_BYTES_MAX = 1024 * 1024;
