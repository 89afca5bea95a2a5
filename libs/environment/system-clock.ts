import { type Clock, epochMs } from '#kernel';

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => epochMs(Date.now()),
  monotonicMs: () => performance.now(),
};

/** Node's own timers, in the shape that the ledger asks for. */
export const systemTimers = {
  /** After this turn's input has been taken in: calls that arrived together are decided together. */
  soon(run: () => void): void {
    setImmediate(run);
  },
  after(delayMs: number, run: () => void): () => void {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
