/** Follows which choices of a stream have their finish reason. */
export class OpenChoices {
  /** By index: the finish reason, or undefined while the choice is open. */
  readonly #reasons: (string | undefined)[] = [];
  #finishedCount = 0;

  /** @param expected how many choices the request asked for. */
  constructor(private readonly expected: number) {}

  /** Whether every choice that was asked for has finished. */
  get allFinished(): boolean {
    return this.#finishedCount >= this.expected;
  }

  isFinished(index: number): boolean {
    return this.#reasons[index] !== undefined;
  }

  /** Why the first choice ended. */
  get firstReason(): string | undefined {
    return this.#reasons[0];
  }

  /** Why each of them ended, as far as they have. */
  get reasons(): readonly (string | undefined)[] {
    return this.#reasons;
  }

  finish(index: number, reason: string): void {
    if (this.#reasons[index] !== undefined) return;
    this.#reasons[index] = reason;
    this.#finishedCount += 1;
  }

  /** Indexes without a finish reason, those included that never began. */
  open(): number[] {
    const open: number[] = [];
    for (let index = 0; index < this.expected; index += 1) if (this.#reasons[index] === undefined) open.push(index);
    return open;
  }
}
