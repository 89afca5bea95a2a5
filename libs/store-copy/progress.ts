/** How far one pass over the stores has come. */
export interface Progress {
  /** `comparing`: what the target holds already; `copying`: the rest; `verifying`: both stores, read anew. */
  readonly phase: 'comparing' | 'copying' | 'verifying';
  /** Of this phase. */
  readonly events: number;
  readonly eventsPerSecond: number;
  /** From the share of the source's positions that is done; absent while nothing can be said. */
  readonly secondsLeft?: number;
}

const INTERVAL_MS = 1_000;

/** Tells progress at most once a second. */
export class ProgressMeter {
  #phase: Progress['phase'] = 'comparing';
  #events = 0;
  #startedAtMs = performance.now();
  #startedAtPosition = 0n;
  #position = 0n;
  #toldAtMs = performance.now();

  constructor(
    private readonly end: bigint,
    private readonly tell: ((progress: Progress) => void) | undefined,
  ) {}

  /** @param position of the last event of the source that is done already. */
  begin(phase: Progress['phase'], position: bigint): void {
    this.#phase = phase;
    this.#events = 0;
    this.#startedAtMs = performance.now();
    this.#startedAtPosition = position;
    this.#position = position;
  }

  /** @param position of the last of these events in the source. */
  add(events: number, position: bigint): void {
    this.#events += events;
    this.#position = position;
    const now = performance.now();
    if (now - this.#toldAtMs < INTERVAL_MS) return;
    this.#toldAtMs = now;
    this.tell?.(this.#progress(now));
  }

  #progress(now: number): Progress {
    const seconds = (now - this.#startedAtMs) / 1_000;
    const done = Number(this.#position - this.#startedAtPosition);
    const left = Number(this.end - this.#position);
    return {
      phase: this.#phase,
      events: this.#events,
      eventsPerSecond: seconds === 0 ? 0 : Math.round(this.#events / seconds),
      ...(done <= 0 ? {} : { secondsLeft: Math.ceil((seconds * left) / done) }),
    };
  }
}
