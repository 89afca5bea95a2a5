/** Ends what is under way when a process that stops has waited long enough. */
export class CallCut {
  private readonly running = new Set<() => void>();
  private hasCome = false;

  get isCut(): boolean {
    return this.hasCome;
  }

  /** Calls `run` once when calls are cut, at once where they have been. Answers how to be forgotten. */
  onCut(run: () => void): () => void {
    if (this.hasCome) run();
    else this.running.add(run);
    return () => this.running.delete(run);
  }

  cut(): void {
    this.hasCome = true;
    const running = [...this.running];
    this.running.clear();
    for (const run of running) run();
  }
}
