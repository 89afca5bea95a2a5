/** What becomes of one append that the double receives. */
export type AppendFault =
  /** Not written; the connection breaks. */
  | { readonly kind: 'broken-before' }
  /** Written; the connection breaks instead of an answer. */
  | { readonly kind: 'lost-answer' }
  /** Written; never answered. */
  | { readonly kind: 'silence' }
  /** Written; answered late. */
  | { readonly kind: 'late-answer'; readonly delayMs: number }
  /** Written; answered twice. */
  | { readonly kind: 'doubled-answer' }
  /** Written; the server says that it gave up waiting for its own write. */
  | { readonly kind: 'server-timeout' };

/** Whether the server lets anybody in. */
export class Access {
  refused = false;
}

/** Faults in the order in which the next appends meet them. */
export class AppendFaults {
  readonly #next: AppendFault[] = [];
  #held: Promise<void> | undefined;
  #letGo: (() => void) | undefined;

  add(fault: AppendFault, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#next.push(fault);
  }

  take(): AppendFault | undefined {
    return this.#next.shift();
  }

  clear(): void {
    this.#next.length = 0;
  }

  /** Appends wait, unwritten and in their order, until they are let go: as with a disk that has stopped. */
  hold(): void {
    this.#held ??= new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  letGo(): void {
    this.#letGo?.();
    this.#held = undefined;
    this.#letGo = undefined;
  }

  get held(): Promise<void> | undefined {
    return this.#held;
  }
}
