import type { EventId } from '#kernel';
import type { Watermarked } from '#projections/common';

/** An event that a view could not take in. The views went on without it, and it is never forgotten silently. */
export interface Problem {
  readonly position: bigint;
  readonly eventId: EventId;
  readonly stream: string;
  readonly type: string;
  readonly kind: /** Its stream or its type is of no context that this program knows. */
    | 'unknown_event'
    /** Its codec cannot read it. */
    | 'unreadable_event'
    /** A projection failed on it, which is a bug. */
    | 'fold_failed';
  readonly view?: string;
  readonly message: string;
}

export interface ProblemsParams {
  /** 1 to 1,000. Default 50. */
  readonly limit?: number;
  readonly after?: string;
}
/** Newest first; at most PROBLEMS_MAX are kept. */
export interface ProblemsPage extends Watermarked {
  readonly problems: readonly Problem[];
  /** All that ever occurred, kept or not. */
  readonly total: number;
  readonly next: string | null;
}
