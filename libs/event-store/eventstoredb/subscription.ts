import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { status } from '@grpc/grpc-js';
import { StoreHistoryChangedError, type SubscribeOptions, type Subscription } from '../port';
import { AnswerQueue } from './answer-queue';
import { subscriptionRequest } from './read-requests';
import type { Reads } from './reads';
import {
  idOf,
  isSystemEvent,
  positionOf,
  type RecordedEvent,
  recordedEventOf,
  streamOf,
  toStoredEvent,
} from './recorded-event';
import { AccessRefusedError, readError, toRpcFailure } from './rpc-failure';
import type { ReadCall } from './streams-connection';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;

/** The subscriber's own handler failed: passed on as it is, and never retried. */
class HandlerFailure extends Error {
  constructor(readonly reason: Error) {
    super(reason.message, { cause: reason });
  }
}

/** Being dropped as too slow is told apart from other failures by its code, so that error is passed on as it is. */
function endOfSession(failure: unknown): Error {
  if (failure === undefined) return new Error('EventStoreDB ended the subscription');
  const rpcFailure = toRpcFailure(failure);
  return rpcFailure.code === status.ABORTED ? rpcFailure : readError(rpcFailure);
}

export interface SubscriptionSource {
  readonly reads: Reads;
  openReadCall(request: ReadReq): Promise<ReadCall>;
}

/**
 * Follows `$all` for ever: whenever the server drops it, the connection breaks or the store restarts, it subscribes
 * again after its own last position, so nothing is lost or doubled. It ends only when closed, when its handler fails,
 * or when the store's history is no longer the one it has read.
 */
export class EventStoreDbSubscription implements Subscription {
  /** Everything up to here was handled, or was not meant for this subscriber. */
  #position: bigint;
  /** The last event handled; a store that has another one there is not the store it was. */
  #handled: { readonly position: bigint; readonly id: string } | undefined;
  #caughtUpAt: bigint | undefined;
  #handling: Promise<void> | undefined;
  #live = false;
  #hasBeenLive = false;
  #attempts = 0;
  #queue: AnswerQueue | undefined;
  readonly #closing = new AbortController();
  readonly #ended: Promise<void>;

  constructor(
    private readonly source: SubscriptionSource,
    private readonly options: SubscribeOptions,
    private readonly onEnd: (subscription: EventStoreDbSubscription) => void,
  ) {
    this.#position = options.after ?? 0n;
    this.#ended = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#queue?.cancel();
    await this.#ended;
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    try {
      // The subscriber gets its handle before the first call.
      await sleep(0);
      while (!this.#closed) {
        const pauseMs = await this.#follow();
        if (pauseMs > 0) await this.#pause(pauseMs);
      }
    } catch (error) {
      this.#closing.abort();
      this.options.onDropped?.(error instanceof HandlerFailure ? error.reason : toRpcFailure(error));
    } finally {
      this.#queue?.cancel();
      this.onEnd(this);
    }
  }

  /** One life of the subscription; resolves with how long to wait before the next one. */
  async #follow(): Promise<number> {
    try {
      await this.#untilClosed(this.#session());
      return 0;
    } catch (error) {
      if (error instanceof HandlerFailure || error instanceof StoreHistoryChangedError) throw error;
      const failure = toRpcFailure(error);
      // A user who never had access will not get it by asking again; one who had it may be met by a server that starts.
      if (error instanceof AccessRefusedError && !this.#hasBeenLive) throw error;
      // The server drops a consumer that is too slow for live delivery; it may come back at once and catch up.
      if (failure.code === status.ABORTED) return 0;
      const backoff = Math.min(BACKOFF_MS_MIN * 2 ** this.#attempts, BACKOFF_MS_MAX);
      this.#attempts += 1;
      // Many gateways lose the same server at the same instant and should not return in one rush.
      return backoff * (0.5 + Math.random() / 2);
    } finally {
      this.#queue?.cancel();
      this.#queue = undefined;
    }
  }

  async #session(): Promise<void> {
    this.#live = false;
    const last = await this.source.reads.lastRecord();
    const end = last === undefined ? 0n : positionOf(last);
    const skipped = await this.#checkHistory();
    if (this.#closed) return;
    const call = await this.source.openReadCall(subscriptionRequest(this.#position, this.options.streamPrefixes));
    const queue = new AnswerQueue(call);
    this.#queue = queue;
    if (this.#closed) return queue.cancel();
    if (skipped !== undefined) await this.#deliver(skipped);
    for (;;) {
      const answer = await queue.next();
      if (this.#closed) return;
      if (answer === undefined) throw endOfSession(queue.failure);
      await this.#take(answer, end);
      if (this.#closed) return;
      if (this.#live && queue.isEmpty) this.#caughtUp(this.#position);
    }
  }

  /**
   * Proves that the store still has what this subscriber has read. A subscription from beyond the end would go live
   * without a word and deliver positions that were handled before.
   * @returns a record that the server would skip, since the one at the position was scavenged.
   */
  async #checkHistory(): Promise<RecordedEvent | undefined> {
    if (this.#position === 0n) return undefined;
    await this.#checkHandled();
    const [next] = await this.source.reads.pageFrom(this.#position, 1);
    if (next === undefined) throw new StoreHistoryChangedError(`it ends before position ${this.#position}`);
    return positionOf(next) > this.#position ? next : undefined;
  }

  async #checkHandled(): Promise<void> {
    if (this.#handled === undefined) return;
    const { position, id } = this.#handled;
    const [found] = await this.source.reads.pageFrom(position, 1);
    // Where a later record is found, the handled one was scavenged, which is no change of history.
    if (found !== undefined && positionOf(found) === position && idOf(found) !== id)
      throw new StoreHistoryChangedError(`another event stands at position ${position}`);
  }

  async #take(answer: ReadResp, endAtStart: bigint): Promise<void> {
    const recorded = recordedEventOf(answer);
    if (recorded !== undefined) return this.#deliver(recorded);
    const checkpoint = answer.getCheckpoint();
    // Answers are handled one by one, so all that the server sent before a checkpoint is handled by now.
    if (checkpoint !== undefined) this.#advance(BigInt(checkpoint.getCommitPosition()));
    if (answer.hasCaughtUp()) {
      this.#live = true;
      this.#hasBeenLive = true;
      this.#attempts = 0;
      // History was read to its end, which was not before the end seen when this session began.
      this.#advance(endAtStart);
      this.#caughtUp(this.#position);
    }
  }

  async #deliver(recorded: RecordedEvent): Promise<void> {
    const position = positionOf(recorded);
    if (position <= this.#position)
      throw new StoreHistoryChangedError(`position ${position} came after position ${this.#position}`);
    if (this.#isWanted(recorded)) {
      this.#handling = this.#handle(recorded);
      await this.#handling;
      this.#handled = { position, id: idOf(recorded) };
      this.#attempts = 0;
    }
    this.#advance(position);
  }

  #isWanted(recorded: RecordedEvent): boolean {
    if (isSystemEvent(recorded)) return false;
    const { streamPrefixes } = this.options;
    return streamPrefixes === undefined || streamPrefixes.some((prefix) => streamOf(recorded).startsWith(prefix));
  }

  async #handle(recorded: RecordedEvent): Promise<void> {
    try {
      await this.options.onEvent(toStoredEvent(recorded));
    } catch (error) {
      throw new HandlerFailure(toRpcFailure(error));
    }
  }

  #advance(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }

  #caughtUp(position: bigint): void {
    if (this.#caughtUpAt !== undefined && position <= this.#caughtUpAt) return;
    this.#caughtUpAt = position;
    try {
      this.options.onCaughtUp?.(position);
    } catch (error) {
      throw new HandlerFailure(toRpcFailure(error));
    }
  }

  /** Closing does not wait for a server that is not there, only for a handler under way. */
  async #untilClosed(session: Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    let onAbort = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      onAbort = resolve;
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) resolve();
    });
    try {
      await Promise.race([session, closed]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (!this.#closed) return;
    // The session ends by itself at its next step, since that looks at the signal first.
    session.catch(() => undefined);
    await this.#handling;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#closing.signal });
    } catch {
      // Closing cut the pause short.
    }
  }
}
