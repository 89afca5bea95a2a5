import type { ConsumeOptions, FeedBatch } from '../port';
import { DIRECT_PARTITION, type DirectFeedSettings } from './settings';

/**
 * One consumer's loop: read a batch, hand it over, wait until it was handled, and at the end of the record wait to be
 * woken. Nothing is queued for a slow consumer.
 */
export class DirectConsumer {
  #closed = false;
  #woken = false;
  #wake: (() => void) | undefined;
  #failures = 0;
  readonly #ended: Promise<void>;

  constructor(
    private readonly read: (after: bigint) => Promise<FeedBatch>,
    private readonly options: ConsumeOptions,
    private readonly settings: DirectFeedSettings,
  ) {
    this.#ended = this.#run();
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#deliverFromCheckpoint();
      } catch (error) {
        this.options.onError(error instanceof Error ? error : new Error(String(error), { cause: error }));
        const { retryMs, retryMsMax } = this.settings;
        await this.#sleep(Math.min(retryMs * 2 ** this.#failures, retryMsMax), false);
        this.#failures += 1;
      }
    }
  }

  async #deliverFromCheckpoint(): Promise<void> {
    let after = await this.options.checkpoint(DIRECT_PARTITION);
    for (let knowsEnd = false; !this.#closed; ) {
      this.#woken = false;
      const batch = await this.read(after);
      if (this.#closed) return;
      if (batch.events.length > 0 || !knowsEnd) await this.options.onBatch(batch);
      this.#failures = 0;
      after = batch.through;
      knowsEnd = batch.atEnd;
      if (batch.atEnd && !this.#woken) await this.#sleep(this.settings.pollMs, true);
    }
  }

  /** Waits so long, or until closed, or (where that is asked for) until woken. */
  async #sleep(ms: number, untilWoken: boolean): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        if (!untilWoken && !this.#closed) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
