/** How long a gateway that nobody hears from is taken for alive. */
export const LEASE_MS = 15_000;

interface Silence {
  readonly fromMs: number;
  /** `undefined` while it lasts. */
  untilMs?: number;
}

/**
 * Who is taken for dead by whom. A running gateway is heard all the time; one that is paused is not, so that it may be
 * taken for dead though it lives. An observer that was paused itself gives everybody one whole lease when it goes on.
 */
export class SimulatedLeases {
  private readonly silences = new Map<string, Silence[]>();

  constructor(private readonly monotonicMs: () => number) {}

  /** Begins to run; whom it has not heard of yet gets one whole lease. */
  joined(boot: string): void {
    const nowMs = this.monotonicMs();
    this.silences.set(boot, [{ fromMs: nowMs, untilMs: nowMs }]);
  }

  /** Crashes, or is paused. */
  fellSilent(boot: string): void {
    this.silences.get(boot)?.push({ fromMs: this.monotonicMs() });
  }

  wentOn(boot: string): void {
    const newest = this.silences.get(boot)?.at(-1);
    if (newest !== undefined) newest.untilMs = this.monotonicMs();
  }

  /** What one gateway believes of another. */
  isAliveFor(observer: string, owner: string): boolean {
    if (observer === owner) return true;
    const silences = this.silences.get(owner);
    if (silences === undefined) return false;
    const newest = silences.at(-1);
    if (newest === undefined || newest.untilMs !== undefined) return true;
    const heardMs = Math.max(newest.fromMs, this.silences.get(observer)?.at(-1)?.untilMs ?? 0);
    return this.monotonicMs() < heardMs + LEASE_MS;
  }

  /** Whether its lease has ever run out. */
  hasLapsed(owner: string): boolean {
    const nowMs = this.monotonicMs();
    return (this.silences.get(owner) ?? []).some(({ fromMs, untilMs }) => (untilMs ?? nowMs) - fromMs >= LEASE_MS);
  }

  /** Whether it has been silent for a while at or after a time. */
  wasSilentSince(owner: string, sinceMs: number): boolean {
    return (this.silences.get(owner) ?? []).some(({ untilMs }) => untilMs === undefined || untilMs >= sinceMs);
  }
}
