/**
 * How old this process's knowledge of the store is: as old as its newest beat that came back. The store has one order,
 * so whoever sees a beat come back has seen everything that was recorded before it was sent.
 */
export class OwnEcho {
  /** When the beats that are still to come back were sent, by revision; the oldest first. */
  private readonly sentMs = new Map<bigint, number>();
  private knownUntilMs = Number.NEGATIVE_INFINITY;
  private readonly waiters = new Set<{ readonly sinceMs: number; readonly resolve: () => void }>();

  constructor(private readonly freshMsMax: number) {}

  sent(revision: bigint, nowMs: number): void {
    // What comes back later than this proves nothing any more.
    for (const [earlier, sentMs] of this.sentMs) if (sentMs + this.freshMsMax < nowMs) this.sentMs.delete(earlier);
    this.sentMs.set(revision, nowMs);
  }

  returned(revision: bigint): void {
    const sentMs = this.sentMs.get(revision);
    if (sentMs === undefined) return;
    this.sentMs.delete(revision);
    this.knownUntilMs = Math.max(this.knownUntilMs, sentMs);
    for (const waiter of this.waiters)
      if (this.knownUntilMs >= waiter.sinceMs) {
        this.waiters.delete(waiter);
        waiter.resolve();
      }
  }

  /** Calls back once everything is known that was recorded before a time; the answer stops waiting. */
  onceKnown(sinceMs: number, resolve: () => void): () => void {
    const waiter = { sinceMs, resolve };
    this.waiters.add(waiter);
    return () => this.waiters.delete(waiter);
  }

  isFresh(nowMs: number): boolean {
    return nowMs - this.knownUntilMs <= this.freshMsMax;
  }
}
