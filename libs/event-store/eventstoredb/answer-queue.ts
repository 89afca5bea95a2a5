import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { ReadCall } from './streams-connection';

/** A subscriber that falls further behind than this makes the server wait, and in the end drop the subscription. */
const QUEUED_ANSWERS_MAX = 256;

/** The answers of one long read in their order, pulled one by one. */
export class AnswerQueue {
  readonly #answers: ReadResp[] = [];
  #end: { readonly failure?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(private readonly call: ReadCall) {
    call.on('data', (answer: ReadResp) => {
      this.#answers.push(answer);
      if (this.#answers.length >= QUEUED_ANSWERS_MAX) call.pause();
      this.#wake?.();
    });
    // Stays attached: a call can fail again after it was cancelled, and an error without a listener ends the process.
    call.on('error', (failure) => this.#finish({ failure }));
    call.on('end', () => this.#finish({}));
    call.on('close', () => this.#finish({}));
  }

  get isEmpty(): boolean {
    return this.#answers.length === 0;
  }

  /** Why the call ended, if it failed. */
  get failure(): unknown {
    return this.#end?.failure;
  }

  /** The next answer; `undefined` when no more will come. */
  async next(): Promise<ReadResp | undefined> {
    while (this.isEmpty && this.#end === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const answer = this.#answers.shift();
    if (this.#answers.length < QUEUED_ANSWERS_MAX / 2 && this.call.isPaused()) this.call.resume();
    return answer;
  }

  /** Forgets what is queued and ends the call. */
  cancel(): void {
    this.#answers.length = 0;
    this.#finish({});
    this.call.cancel();
  }

  #finish(end: { readonly failure?: unknown }): void {
    this.#end ??= end;
    this.#wake?.();
  }
}
