/** Broken promises, each told in one sentence; beyond the limit they are only counted. */
export class Violations {
  static readonly SENTENCES_MAX = 50;
  readonly sentences: string[] = [];
  #count = 0;

  /** @param tell hears of each as it is found: a long run need not be waited for. */
  constructor(private readonly tell: (sentence: string) => void = () => undefined) {}

  get count(): number {
    return this.#count;
  }

  add(sentence: string): void {
    this.#count += 1;
    this.tell(sentence);
    if (this.sentences.length < Violations.SENTENCES_MAX) this.sentences.push(sentence);
  }
}
