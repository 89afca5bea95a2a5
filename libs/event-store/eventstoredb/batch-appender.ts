import { randomUUID } from 'node:crypto';
import type { BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { AppendOutcomeUnknownError, type AppendResult, StoreUnavailableError } from '../port';
import { type Append, appendRequest, appendResult, correlationIdOf, isServerTimeout } from './append-messages';
import {
  AccessRefusedError,
  isAccessDenied,
  provesNothingWasSent,
  type RpcFailure,
  reasonOf,
  toRpcFailure,
} from './rpc-failure';
import type { AppendCall } from './streams-connection';

export interface AppendLimits {
  readonly timeoutMs: number;
  readonly pendingBytesMax: number;
}

/** An append that waits for its answer. It settles once; what comes later is ignored. */
class PendingAppend {
  /** Another one for each time that it is sent. */
  correlationId = '';
  stream: AppendStream | undefined;
  settled = false;

  constructor(
    readonly append: Append,
    private readonly onResult: (result: AppendResult) => void,
    private readonly onError: (error: Error) => void,
  ) {}

  resolve(result: AppendResult): void {
    this.settled = true;
    this.onResult(result);
  }

  reject(error: Error): void {
    this.settled = true;
    this.onError(error);
  }
}

/** One call to the server and the appends that wait for its answers. */
class AppendStream {
  readonly #pending = new Map<string, PendingAppend>();
  broken = false;

  constructor(readonly call: AppendCall) {
    call.on('data', (answer: BatchAppendResp) => this.#settle(answer));
    call.on('error', (error) => this.#fail(toRpcFailure(error)));
    call.on('end', () => this.#fail(new Error('EventStoreDB ended the call')));
    call.on('close', () => this.#fail(new Error('the call was closed')));
  }

  send(pending: PendingAppend): void {
    if (this.broken) {
      const failure = new Error('the call broke before it was sent');
      pending.reject(pending.stream === undefined ? unreachable(failure) : outcomeOfFailure(pending.append, failure));
      return;
    }
    pending.stream = this;
    pending.correlationId = randomUUID();
    this.#pending.set(pending.correlationId, pending);
    this.call.write(appendRequest(pending.correlationId, pending.append));
  }

  forget(pending: PendingAppend): void {
    this.#pending.delete(pending.correlationId);
  }

  #settle(answer: BatchAppendResp): void {
    const id = correlationIdOf(answer);
    const pending = this.#pending.get(id);
    // A late or doubled answer: its append is settled already.
    if (pending === undefined) return;
    this.#pending.delete(id);
    // Repeating is exact under an expected revision, and finds out what became of the write.
    if (isServerTimeout(answer) && pending.append.expected !== 'any') {
      this.send(pending);
      return;
    }
    try {
      pending.resolve(appendResult(pending.append, answer));
    } catch (error) {
      pending.reject(toRpcFailure(error));
    }
  }

  #fail(failure: RpcFailure): void {
    this.broken = true;
    for (const pending of this.#pending.values()) pending.reject(outcomeOfFailure(pending.append, failure));
    this.#pending.clear();
  }
}

function outcomeOfFailure({ stream }: Append, failure: RpcFailure): Error {
  const options = { cause: failure };
  if (provesNothingWasSent(failure)) return unreachable(failure);
  if (isAccessDenied(failure)) return new AccessRefusedError(options);
  return new AppendOutcomeUnknownError(
    `the connection to EventStoreDB broke during an append to ${stream} (${failure.message}); it may have been written`,
    options,
  );
}

function unreachable(failure: RpcFailure): Error {
  return new StoreUnavailableError(`EventStoreDB cannot be reached (${reasonOf(failure)}); nothing was written`, {
    cause: failure,
  });
}

/**
 * Appends over one long call, many at a time, each with a timer of its own: a stalled server keeps the call open for
 * twenty seconds and answers nothing, whatever deadline it was given.
 */
export class BatchAppender {
  #stream: AppendStream | undefined;
  #opening: Promise<AppendStream> | undefined;
  #pendingBytes = 0;
  readonly #underWay = new Set<Promise<AppendResult>>();

  constructor(
    private readonly openCall: () => Promise<AppendCall>,
    private readonly limits: AppendLimits,
  ) {}

  async append(append: Append): Promise<AppendResult> {
    const bytes = append.events.reduce((sum, event) => sum + event.body.length, 0);
    if (this.#pendingBytes + bytes > this.limits.pendingBytesMax)
      throw new StoreUnavailableError(
        `${this.#pendingBytes} bytes of appends wait for EventStoreDB already; nothing was written, try again later`,
      );
    this.#pendingBytes += bytes;
    const underWay = this.#send(append);
    this.#underWay.add(underWay);
    try {
      return await underWay;
    } finally {
      this.#pendingBytes -= bytes;
      this.#underWay.delete(underWay);
    }
  }

  /** Waits for appends under way, each bounded by its timer, and ends the call. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.#stream?.call.cancel();
  }

  async #send(append: Append): Promise<AppendResult> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<AppendResult>((resolve, reject) => {
        const pending = new PendingAppend(append, resolve, reject);
        timer = setTimeout(() => {
          pending.stream?.forget(pending);
          pending.reject(this.#timedOut(append, pending.stream !== undefined));
        }, this.limits.timeoutMs);
        this.#openStream().then(
          (stream) => {
            if (!pending.settled) stream.send(pending);
          },
          (error: unknown) => pending.reject(unreachable(toRpcFailure(error))),
        );
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #timedOut({ stream }: Append, sent: boolean): Error {
    return sent
      ? new AppendOutcomeUnknownError(
          `EventStoreDB did not answer an append to ${stream} within ${this.limits.timeoutMs} ms; it may have been written`,
        )
      : new StoreUnavailableError(
          `no EventStoreDB was found within ${this.limits.timeoutMs} ms to append to ${stream}; nothing was written`,
        );
  }

  async #openStream(): Promise<AppendStream> {
    if (this.#stream !== undefined && !this.#stream.broken) return this.#stream;
    this.#opening ??= this.openCall()
      .then((call) => {
        this.#stream = new AppendStream(call);
        return this.#stream;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }
}
