/** Latencies of one run in microseconds; every one is kept, so that percentiles are exact. */
export interface LatencySummary {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Beyond this only the throughput is counted: 16 MB, more than any run of the bench makes. */
const SAMPLES_MAX = 4_000_000;

/** Exact quantile (nearest rank) of ascending values; 0 of none. */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  const rank = Math.max(0, Math.ceil(share * ascending.length) - 1);
  return ascending[rank] ?? 0;
}

export class Latencies {
  #micros = new Uint32Array(65_536);
  #count = 0;

  add(ms: number): void {
    if (this.#count === SAMPLES_MAX) return;
    if (this.#count === this.#micros.length) {
      const larger = new Uint32Array(this.#micros.length * 2);
      larger.set(this.#micros);
      this.#micros = larger;
    }
    this.#micros[this.#count] = Math.round(ms * 1_000);
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  summary(): LatencySummary {
    const sorted = this.#micros.slice(0, this.#count).sort();
    const at = (share: number) => quantile(sorted, share) / 1_000;
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }
}
