import { types } from 'node:util';
import type { StreamName } from '#kernel';
import { matchesPrefix, nextTurn, type Page, type ReadPage } from './page';
import type { SubscribeOptions, Subscription } from './port';

/** What one commit added to the store's order. */
export interface Committed {
  /** The position right before its first event. */
  readonly after: bigint;
  /** The position of its last event. */
  readonly reached: bigint;
  readonly streams: readonly StreamName[];
}

/**
 * A subscription that pulls: it reads pages from the store until nothing is left, then waits to be woken by a commit. A
 * slow handler therefore costs no memory, since nothing is queued for it, and history and live delivery are one loop
 * without a seam.
 */
export class InProcessSubscription implements Subscription {
  #position: bigint;
  #caughtUpAt: bigint | undefined;
  #closed = false;
  #woken = false;
  #wake: (() => void) | undefined;
  readonly #ended: Promise<void>;

  constructor(
    private readonly readPage: ReadPage,
    private readonly options: SubscribeOptions,
    private readonly onEnd: (subscription: InProcessSubscription) => void,
  ) {
    this.#position = options.after ?? 0n;
    this.#ended = this.#run();
  }

  /** Says that something was added. A commit with nothing for a subscriber that has seen all before it is not read. */
  notify(committed: Committed): void {
    const isNext = this.#wake !== undefined && !this.#woken && committed.after === this.#position;
    if (isNext && !this.#wants(committed.streams)) this.#position = committed.reached;
    else this.#woken = true;
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#ended;
  }

  async #run(): Promise<void> {
    try {
      // The subscriber gets its handle before the first call.
      await nextTurn();
      while (!this.#closed) {
        this.#woken = false;
        const page = this.readPage(this.#position, this.options.streamPrefixes);
        await this.#deliver(page);
        if (this.#closed) break;
        if (page.atEnd) await this.#waitAtEnd();
        else await nextTurn();
      }
    } catch (error) {
      this.#closed = true;
      this.options.onDropped?.(types.isNativeError(error) ? error : new Error(String(error), { cause: error }));
    } finally {
      this.onEnd(this);
    }
  }

  async #deliver(page: Page): Promise<void> {
    for (const event of page.events) {
      const handled = this.options.onEvent(event);
      // Handlers that finish at once are not awaited: a promise per event costs more than most of them.
      if (handled !== undefined) await handled;
      this.#position = event.position;
      if (this.#closed) return;
    }
    if (page.reached > this.#position) this.#position = page.reached;
  }

  /** Waits, told of commits that need no read, until something must be read. */
  async #waitAtEnd(): Promise<void> {
    while (!this.#closed) {
      const reached = this.#position;
      if (this.#caughtUpAt === undefined || reached > this.#caughtUpAt) {
        this.#caughtUpAt = reached;
        this.options.onCaughtUp?.(reached);
      }
      if (this.#woken || this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      if (this.#woken) return;
    }
  }

  #wants(streams: readonly StreamName[]): boolean {
    const { streamPrefixes } = this.options;
    return streams.some((stream) => matchesPrefix(stream, streamPrefixes));
  }
}

/** The live subscriptions of one store. */
export class InProcessSubscriptions {
  readonly #live = new Set<InProcessSubscription>();

  open(readPage: ReadPage, options: SubscribeOptions): Subscription {
    const subscription = new InProcessSubscription(readPage, options, (ended) => this.#live.delete(ended));
    this.#live.add(subscription);
    return subscription;
  }

  notify(committed: Committed): void {
    for (const subscription of this.#live) subscription.notify(committed);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#live].map((subscription) => subscription.close()));
  }
}
