export type Phase = 'connect' | 'first-byte' | 'idle';

/** Larger delays overflow Node's timers, which then fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** One timer for the phases of a call, which follow each other: only the current one can expire. */
export class PhaseWatch {
  #timer: NodeJS.Timeout | undefined;
  #phase: Phase = 'connect';

  constructor(private readonly onExpired: (phase: Phase) => void) {}

  get phase(): Phase {
    return this.#phase;
  }

  start(phase: Phase, delayMs: number): void {
    this.stop();
    this.#phase = phase;
    this.#timer = setTimeout(() => this.onExpired(phase), Math.min(delayMs, DELAY_MS_MAX));
  }

  /** Something happened: the current phase starts anew. */
  touch(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
