import type { Acknowledgement, Moment } from './own-stream';
import type { MembershipSettings } from './settings';

/**
 * The longer of what both clocks say: the monotonic one stands still while a machine is suspended, the other one may be
 * set back.
 */
function elapsedMs(from: Moment, to: Moment): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.at - from.at);
}

/**
 * Whether this process may still act in its own name. Others count a lease from when a beat *arrives*, this process from
 * when it *sent* it, and ends it `marginMs` earlier: so nobody has given it up while it holds.
 */
export class OwnLease {
  private sent: Moment | undefined;
  /** Monotonic. */
  private fromMs = Number.POSITIVE_INFINITY;

  constructor(private readonly settings: MembershipSettings) {}

  acknowledged({ sent, acknowledged }: Acknowledgement): void {
    // The first beat, and the first one after a gap, may be news to others whose knowledge is up to freshMsMax old: only
    // after so long has everybody who may call somebody dead heard it.
    if (!this.isRecent(acknowledged)) this.fromMs = acknowledged.monotonicMs + this.settings.freshMsMax;
    this.sent = sent;
  }

  holds(now: Moment): boolean {
    return this.isRecent(now) && now.monotonicMs >= this.fromMs;
  }

  private isRecent(now: Moment): boolean {
    const { leaseMs, marginMs } = this.settings;
    return this.sent !== undefined && elapsedMs(this.sent, now) < leaseMs - marginMs;
  }
}
