/** Counts calls under way, so that a draining process knows when the last one has ended. */
export class ActiveCalls {
  private count = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly changed: (count: number) => void) {}

  get size(): number {
    return this.count;
  }

  async track<T>(run: () => Promise<T>): Promise<T> {
    this.count += 1;
    this.changed(this.count);
    try {
      return await run();
    } finally {
      this.count -= 1;
      this.changed(this.count);
      if (this.count === 0) for (const done of this.waiting.splice(0)) done();
    }
  }

  /** Resolves when no call is under way, or after the time given; says whether all have ended. */
  async ended(timeoutMs: number): Promise<boolean> {
    if (this.count === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([new Promise<void>((resolve) => this.waiting.push(resolve)), late]);
    clearTimeout(timer);
    return this.count === 0;
  }
}
