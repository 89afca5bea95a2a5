import { type Clock, type EpochMs, epochMs } from '#kernel';

/** A clock that was set back is caught up with at this speed. */
const SPEED_WHILE_BEHIND = 0.5;

/**
 * A wall clock that never runs backwards, and does not stand still either. Set back, it goes on at half its speed until
 * the wall has caught up: rate buckets fill and deadlines pass meanwhile, and no period begins twice.
 */
export class SteadyClock implements Clock {
  private at = Number.NEGATIVE_INFINITY;
  private asOfMs = 0;

  constructor(private readonly wall: Clock) {}

  now(): EpochMs {
    const nowMs = this.wall.monotonicMs();
    const goneOn = this.at + Math.max(0, nowMs - this.asOfMs) * SPEED_WHILE_BEHIND;
    this.at = Math.max(this.wall.now(), goneOn);
    this.asOfMs = nowMs;
    return epochMs(Math.floor(this.at));
  }

  monotonicMs(): number {
    return this.wall.monotonicMs();
  }
}
