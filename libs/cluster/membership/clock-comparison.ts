import type { EpochMs, StreamName } from '#kernel';
import type { Acknowledgement } from './own-stream';

/** Reads when the store says that it recorded an event; `undefined` when it no longer shows that event. */
export type RecordedAt = (stream: StreamName, revision: bigint) => Promise<EpochMs | undefined>;

export interface ClockComparisonOptions {
  readonly recordedAt: RecordedAt;
  readonly skewMsMax: number;
  readonly onProblem: (problem: Error) => void;
}

const COMPARE_EVERY_MS = 10_000;

/** Two readings of the wall clock further off their monotonic distance than this: somebody set the clock in between. */
const STEP_MS_MAX = 50;

/**
 * Compares this machine's clock with the store's by the process's own beats: the store recorded one between its sending
 * and its acknowledgement, so whatever it says beyond that is skew. Slow answers can hide skew but never invent any.
 */
export class ClockComparison {
  private measuredMs: number | undefined;
  private nextMs = Number.NEGATIVE_INFINITY;
  private isUnderWay = false;

  constructor(private readonly options: ClockComparisonOptions) {}

  /** How far this machine's clock is ahead of the store's, at the least; negative when behind. */
  get skewMs(): number | undefined {
    return this.measuredMs;
  }

  async compare(stream: StreamName, beat: Acknowledgement): Promise<void> {
    if (this.isUnderWay || !beat.isPrompt || beat.acknowledged.monotonicMs < this.nextMs) return;
    this.isUnderWay = true;
    try {
      const recordedAt = await this.options.recordedAt(stream, beat.revision);
      if (recordedAt !== undefined) this.measure(recordedAt, beat);
    } catch (error) {
      this.options.onProblem(
        new Error("this machine's clock could not be compared with the store's; trying again", { cause: error }),
      );
    } finally {
      this.isUnderWay = false;
    }
  }

  private measure(recordedAt: EpochMs, { sent, acknowledged }: Acknowledgement): void {
    const tookMs = acknowledged.monotonicMs - sent.monotonicMs;
    if (Math.abs(acknowledged.at - sent.at - tookMs) > STEP_MS_MAX) return;
    const skewMs = Math.max(0, sent.at - recordedAt) + Math.min(0, acknowledged.at - recordedAt);
    // Within so slow an answer a skew that matters could hide; one that shows in spite of it is proved all the same.
    if (tookMs > this.options.skewMsMax && Math.abs(skewMs) <= this.options.skewMsMax) return;
    this.measuredMs = skewMs;
    // A wrong clock is looked at again with every beat, so that setting it right helps at once.
    if (Math.abs(skewMs) <= this.options.skewMsMax) this.nextMs = acknowledged.monotonicMs + COMPARE_EVERY_MS;
  }
}
