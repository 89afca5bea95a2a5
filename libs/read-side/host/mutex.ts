/** Runs one task at a time, in the order in which they came. Few tasks wait: one per consumer and rebuild. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  async run<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#last.then(task);
    this.#last = run.catch(() => undefined);
    return run;
  }
}
