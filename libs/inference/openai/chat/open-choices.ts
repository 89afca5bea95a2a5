/** Follows which choices of a stream have begun and which have their finish reason. */
export class OpenChoices {
  /** By index: undefined before it begins, then whether it has finished. */
  readonly #finished: boolean[] = [];
  #finishedCount = 0;

  /** @param expected how many choices the request asked for. */
  constructor(private readonly expected: number) {}

  /** Whether every choice that was asked for has finished. */
  get allFinished(): boolean {
    return this.#finishedCount >= this.expected;
  }

  isFinished(index: number): boolean {
    return this.#finished[index] === true;
  }

  begin(index: number): void {
    this.#finished[index] ??= false;
  }

  finish(index: number): void {
    if (this.#finished[index] === true) return;
    this.#finished[index] = true;
    this.#finishedCount += 1;
  }

  /** Indexes without a finish reason, those included that never began. */
  open(): number[] {
    const open: number[] = [];
    for (let index = 0; index < this.expected; index += 1) if (this.#finished[index] !== true) open.push(index);
    return open;
  }
}
