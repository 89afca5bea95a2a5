/** How many at once, and how many per second after that. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A token bucket for each name, in this process alone. A name that has not been seen, or not lately, has a full one; so
 * only so many are kept, and the one that was used longest ago is forgotten first.
 */
export class TokenBuckets<K extends string> {
  private readonly buckets = new Map<K, Bucket>();

  constructor(
    private readonly rate: Rate,
    private readonly bucketsMax: number,
    private readonly nowMs: () => number,
  ) {}

  /** How long until there is a token; 0 when there is one now. Takes none. */
  waitMs(name: K): number {
    const bucket = this.buckets.get(name);
    return bucket === undefined ? 0 : this.waitOf(this.tokensOf(bucket));
  }

  /** Takes a token, and says 0; or says how long until there is one. */
  take(name: K): number {
    const bucket = this.buckets.get(name) ?? { tokens: this.rate.burst, atMs: this.nowMs() };
    const tokens = this.tokensOf(bucket);
    const waitMs = this.waitOf(tokens);
    this.keep(name, bucket, waitMs === 0 ? tokens - 1 : tokens);
    return waitMs;
  }

  /**
   * Takes a token for what was let in already and has turned out to need one. There may be none left, since others were
   * let in meanwhile: then it is owed, and nothing is let in until time has paid it. Without that each token that comes
   * back would let in everybody who asks before it is taken.
   */
  charge(name: K): void {
    const bucket = this.buckets.get(name) ?? { tokens: this.rate.burst, atMs: this.nowMs() };
    this.keep(name, bucket, this.tokensOf(bucket) - 1);
  }

  get size(): number {
    return this.buckets.size;
  }

  private keep(name: K, bucket: Bucket, tokens: number): void {
    bucket.tokens = tokens;
    bucket.atMs = this.nowMs();
    // Young again: the oldest is the first of the map.
    this.buckets.delete(name);
    this.buckets.set(name, bucket);
    this.forgetOldest();
  }

  private tokensOf({ tokens, atMs }: Bucket): number {
    const { perSecond, burst } = this.rate;
    return Math.min(burst, tokens + (Math.max(0, this.nowMs() - atMs) * perSecond) / 1_000);
  }

  private waitOf(tokens: number): number {
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 1_000) / this.rate.perSecond);
  }

  private forgetOldest(): void {
    if (this.buckets.size <= this.bucketsMax) return;
    for (const name of this.buckets.keys()) {
      this.buckets.delete(name);
      return;
    }
  }
}
