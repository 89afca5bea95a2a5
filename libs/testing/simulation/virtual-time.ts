import { type Clock, type EpochMs, epochMs } from '#kernel';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Lets everything run that waits for no timer: promises that are settled already. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes only when told to, with timers that fire in order; nothing here waits for a real clock. */
export class VirtualTime implements Clock {
  private elapsedMs = 0;
  private skewMs = 0;
  private order = 0;
  private timers: Timer[] = [];

  constructor(private readonly startMs: EpochMs) {}

  now(): EpochMs {
    return epochMs(this.startMs + this.elapsedMs + this.skewMs);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { dueMs: this.elapsedMs + Math.max(0, delayMs), order: this.order, run };
    this.order += 1;
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Sets the wall clock forward, or back; monotonic time and timers do not notice. */
  jump(ms: number): void {
    this.skewMs += ms;
  }

  /** Runs the next timer, and what follows from it; false when nothing is due up to that time. */
  async step(untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const next = this.takeNext(untilMs);
    if (next === undefined) return false;
    this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
    next.run();
    await settle();
    return true;
  }

  /** Lets time pass, and everything happen that is due in it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await settle();
    while (await this.step(untilMs));
    this.skipTo(untilMs);
  }

  /** Lets time be later when nothing is due before. */
  skipTo(monotonicMs: number): void {
    this.elapsedMs = Math.max(this.elapsedMs, monotonicMs);
  }

  private takeNext(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.timers)
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer;
    if (next === undefined || next.dueMs > untilMs) return undefined;
    this.timers = this.timers.filter((other) => other !== next);
    return next;
  }
}
