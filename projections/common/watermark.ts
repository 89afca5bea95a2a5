import type { EpochMs } from '#kernel';

/** What an answer is complete through. */
export interface Watermark {
  /** Everything recorded through this position is in the answer; 0n before the first event. */
  readonly position: bigint;
  /** When the event at that position happened; absent before the first. */
  readonly time?: EpochMs;
  /** Calls of the organization whose cost is not final: running or unresolved. */
  readonly unsettledCalls: number;
}

export interface Watermarked {
  readonly watermark: Watermark;
}
