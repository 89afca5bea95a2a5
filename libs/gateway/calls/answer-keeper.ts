import { ANSWER_BYTES_MAX } from '#answer-store';
import type { TokenUsage } from '#kernel';
import type { Caller } from './caller';
import type { KeptAnswer } from './kept-answer';
import type { KeyedAnswers, KeyedCall } from './keyed-answers';
import type { ResponseCache } from './response-cache';

/**
 * The part of a running call that keeps its answer: for repeats of its Idempotency-Key before the settlement, for the
 * organization's response cache after it.
 */
export class AnswerKeeper {
  private text = '';
  private isTooLarge = false;
  private cacheable: KeptAnswer | undefined;

  constructor(
    private readonly caller: Caller,
    private readonly keyed: { readonly answers: KeyedAnswers; readonly call: KeyedCall } | undefined,
    private readonly cache: { readonly answers: ResponseCache; readonly key: string } | undefined,
  ) {}

  /** A keyed call runs on without its client: somebody may ask for its answer again. */
  get runsOn(): boolean {
    return this.keyed !== undefined;
  }

  /** Gathers what a stream has sent so far. */
  gather(text: string): void {
    if (this.isTooLarge || (this.keyed === undefined && this.cache === undefined)) return;
    this.text += text;
    if (this.text.length <= ANSWER_BYTES_MAX) return;
    this.isTooLarge = true;
    this.text = '';
  }

  /** Before the settlement of a stream: what was gathered, and its closing. */
  keepStream(
    headers: Readonly<Record<string, string>>,
    closing: string,
    usage: TokenUsage,
    certainty: KeptAnswer['certainty'],
  ): Promise<void> {
    if (this.isTooLarge) return this.keepLoss();
    return this.keep({
      status: 200,
      headers: { ...headers },
      text: this.text + closing,
      usage: { ...usage },
      certainty,
    });
  }

  /** Before the settlement. */
  async keep(kept: KeptAnswer): Promise<void> {
    this.cacheable = kept;
    await this.keyed?.answers.keep(this.caller, this.keyed.call, kept);
  }

  /** The call may be charged, but there is no answer to repeat. */
  async keepLoss(): Promise<void> {
    await this.keyed?.answers.keep(this.caller, this.keyed.call, undefined);
  }

  /** After the settlement: only a complete, settled answer is fit to be reused. */
  async settled(): Promise<void> {
    if (this.cache === undefined || this.cacheable === undefined) return;
    await this.cache.answers.keep(this.caller, this.cache.key, this.cacheable);
  }
}
