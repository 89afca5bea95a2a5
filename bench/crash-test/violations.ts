/** Broken promises, each told in one sentence; beyond the limit they are only counted. */
export class Violations {
  static readonly SENTENCES_MAX = 50;
  readonly sentences: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(sentence: string): void {
    this.#count += 1;
    if (this.sentences.length < Violations.SENTENCES_MAX) this.sentences.push(sentence);
  }
}
