import { bodyFor, CALL_PATHS, type Target } from '../targets/target';
import { Latencies, type LatencySummary } from './latencies';

export interface PacedResult extends LatencySummary {
  readonly answers: number;
  readonly failures: number;
}

/** A light, even load from this process: so many unstreamed calls a second, whether or not earlier ones are answered. */
export class PacedCalls {
  readonly #timer: NodeJS.Timeout;
  readonly #latencies = new Latencies();
  readonly #running = new Set<Promise<void>>();
  #failures = 0;

  constructor(
    private readonly target: Target,
    perSecond: number,
  ) {
    this.#timer = setInterval(() => {
      const call = this.#call().finally(() => this.#running.delete(call));
      this.#running.add(call);
    }, 1_000 / perSecond);
  }

  /** Ends the load and waits for what is under way. */
  async stop(): Promise<PacedResult> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    return { ...this.#latencies.summary(), answers: this.#latencies.count, failures: this.#failures };
  }

  async #call(): Promise<void> {
    const { port, headers } = this.target;
    const startedMs = performance.now();
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${CALL_PATHS.unstreamed}`, {
        method: 'POST',
        headers,
        body: bodyFor(this.target.model, 'unstreamed'),
      });
      await answer.arrayBuffer();
      if (answer.ok) this.#latencies.add(performance.now() - startedMs);
      else this.#failures += 1;
    } catch {
      this.#failures += 1;
    }
  }
}
