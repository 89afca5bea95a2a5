import type { BodySource, PushBody } from '../push-body';

/** What a simulated body does, in order. */
export type Step =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array; readonly delayMs: number }
  | { readonly kind: 'cut' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'end' };

/** Plays steps into a body, with their delays, and stops while the reader wants no more. */
export class Player implements BodySource {
  #at = 0;
  #paused = false;
  #stopped = false;
  #playing = false;
  #timer: NodeJS.Timeout | undefined;
  #body: PushBody | undefined;

  constructor(private readonly steps: readonly Step[]) {}

  start(body: PushBody): void {
    this.#body = body;
    this.#play();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#timer === undefined) this.#play();
  }

  abort(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #play(): void {
    // A reader may resume from inside a push: the loop below goes on by itself then.
    if (this.#playing) return;
    this.#playing = true;
    while (!this.#paused && !this.#stopped) {
      const step = this.steps[this.#at];
      if (step === undefined || !this.#perform(step)) break;
    }
    this.#playing = false;
  }

  /** Answers whether the next step may follow at once. */
  #perform(step: Step): boolean {
    this.#at += 1;
    switch (step.kind) {
      case 'chunk':
        if (step.delayMs > 0) return this.#later(step.bytes, step.delayMs);
        this.#body?.push(step.bytes);
        return true;
      case 'cut':
        this.#body?.fail({ kind: 'connection-lost', reason: 'simulated' });
        return false;
      case 'hang':
        return false;
      case 'end':
        this.#body?.finish();
        return false;
    }
  }

  #later(bytes: Uint8Array, delayMs: number): false {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#body?.push(bytes);
      this.#play();
    }, delayMs);
    return false;
  }
}
