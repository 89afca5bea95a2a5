/** The nonces of requests that could be repeated: each is taken once. */
export class NonceMemory {
  /** Until when a request with this nonce would be in time, by the wall clock. */
  private readonly untilMs = new Map<string, number>();

  constructor(private readonly noncesMax: number) {}

  /** `full`: whether it was taken before could not be remembered, so nobody may act on it. */
  take(nonce: string, untilMs: number, nowMs: number): 'fresh' | 'repeated' | 'full' {
    if (this.untilMs.has(nonce)) return 'repeated';
    if (this.untilMs.size >= this.noncesMax) this.forgetOld(nowMs);
    if (this.untilMs.size >= this.noncesMax) return 'full';
    this.untilMs.set(nonce, untilMs);
    return 'fresh';
  }

  private forgetOld(nowMs: number): void {
    for (const [nonce, untilMs] of this.untilMs) if (untilMs < nowMs) this.untilMs.delete(nonce);
  }
}
