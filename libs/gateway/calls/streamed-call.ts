import { StreamOpening } from '#inference';
import {
  type BodyFailure,
  redactedError,
  type UpstreamBody,
  type UpstreamResponse,
  type UpstreamTrouble,
} from '#inference/backends';
import type { AdmittedCall } from './admitted-call';
import type { MeteredRequest, RelayedStream, StreamOutcome } from './dialect';
import { ForeignBody } from './foreign-body';
import { endCounted, type GivenUpBy, givenUpBy } from './given-up';
import { endBrokenAnswer, type MayGoOn, noteBrokenAnswer } from './trouble';

type Answer = Extract<UpstreamResponse, { kind: 'answer' }>;

const STREAM_CONTENT_TYPE = 'text/event-stream; charset=utf-8';
const STREAM_HEADERS = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' } as const;
const KEEP_ALIVE = ': keep-alive\n\n';

/** How the flow of a stream came to its end, before anyone judges what it means. */
type FlowEnd =
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly failure: BodyFailure }
  /** What came was no stream. */
  | { readonly kind: 'foreign'; readonly body: ForeignBody }
  | { readonly kind: 'client-gone' }
  | { readonly kind: 'usage-late' };

function beginStream<R extends MeteredRequest>(call: AdmittedCall<R>, upstreamRequestId: string | undefined): void {
  if (call.connection.hasBegun) return;
  call.connection.beginStream({ ...call.headers(upstreamRequestId, STREAM_CONTENT_TYPE), ...STREAM_HEADERS });
}

/**
 * Tells the client of a slow backend that its call is alive, so that nothing between them hangs up. From then on the
 * status is 200, and an error can only be a frame.
 */
export function keepWaiting<R extends MeteredRequest>(call: AdmittedCall<R>, upstreamRequestId?: string): void {
  beginStream(call, upstreamRequestId);
  call.connection.write(call.dialect.keepAliveFrame ?? KEEP_ALIVE);
}

/** The flow of one stream; it begins with the backend's first frame, so that an error before it keeps its status. */
class StreamFlow<R extends MeteredRequest> {
  private readonly body: UpstreamBody;
  private keepAlive: NodeJS.Timeout;
  private usageWait: NodeJS.Timeout | undefined;
  private isOver = false;
  private isPiped = false;
  /** The client has been given something of this answer. */
  hasPassed = false;
  private readonly opening = new StreamOpening();
  private foreign: ForeignBody | undefined;

  constructor(
    private readonly call: AdmittedCall<R>,
    private readonly answer: Answer,
    private readonly relay: RelayedStream,
    private readonly over: (end: FlowEnd) => void,
  ) {
    this.body = answer.body;
    this.keepAlive = setInterval(() => keepWaiting(call, answer.headers.requestId), call.deps.settings.keepAliveMs);
  }

  start(): void {
    const { connection } = this.call;
    connection.onGone(() => this.clientLeft());
    connection.onDrained(() => this.body.resume());
    if (connection.isGone && !this.call.keeper.runsOn) {
      this.clientLeft();
      return;
    }
    this.isPiped = true;
    this.body.pipe({
      onChunk: (chunk) => this.take(chunk),
      onEnd: () => this.bodyEnded(),
      onFailure: (failure) => this.finish({ kind: 'failed', failure }),
    });
  }

  /** Sends the status line, for a stream that ends without having had a frame to send. */
  begin(): void {
    beginStream(this.call, this.answer.headers.requestId);
  }

  private take(chunk: Uint8Array): boolean {
    if (this.isOver) return true;
    if (this.opening.push(chunk) === 'foreign') return this.takeForeign(chunk);
    const { relay } = this;
    const text = relay.push(chunk);
    let flows = true;
    if (text !== '') {
      this.hasPassed = true;
      this.begin();
      const { record, deps, place } = this.call;
      if (record.firstByteMs === undefined) deps.router.answering(place);
      record.sawFirstByte();
      flows = this.call.connection.write(text);
      this.call.keeper.gather(text);
      this.keepAlive.refresh();
    }
    if (relay.ended) {
      this.finish({ kind: 'ended' });
      return true;
    }
    if (!relay.finished) return flows;
    this.awaitUsage();
    // What is left is little, and the usage must not wait behind a client that reads slowly.
    return true;
  }

  private bodyEnded(): void {
    const foreign =
      this.foreign ??
      (this.opening.end() === 'foreign' ? new ForeignBody(this.call.deps.settings.answerBytesMax) : undefined);
    this.finish(foreign === undefined ? { kind: 'ended' } : { kind: 'foreign', body: foreign });
  }

  /** Nothing of it reaches the client, so that an error keeps its true status. */
  private takeForeign(chunk: Uint8Array): true {
    this.foreign ??= new ForeignBody(this.call.deps.settings.answerBytesMax);
    if (!this.foreign.push(chunk)) this.finish({ kind: 'foreign', body: this.foreign });
    return true;
  }

  /** All output has come: what the backend still owes is its usage, and it may not take for ever. */
  private awaitUsage(): void {
    this.usageWait ??= setTimeout(() => this.finish({ kind: 'usage-late' }), this.call.deps.settings.usageWaitMs);
  }

  private clientLeft(): void {
    // A keyed call runs on: its answer is kept for the repeat. What waited for the client must flow again.
    if (this.call.keeper.runsOn) {
      if (this.isPiped) this.body.resume();
      return;
    }
    // A finished answer is cheap to drain, and its exact usage is worth the wait.
    if (this.relay.finished) this.awaitUsage();
    else this.finish({ kind: 'client-gone' });
  }

  private finish(end: FlowEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.keepAlive);
    clearTimeout(this.usageWait);
    // After its last frame a stream ends by itself in a moment; a new connection for every call would cost much more.
    if (end.kind === 'ended') this.body.release();
    else if (end.kind !== 'failed') this.body.discard();
    this.over(end);
  }
}

/** @returns its trouble when the call is to go on with another attempt; otherwise it has ended. */
export async function finishStreamed<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  answer: Answer,
  mayGoOn: MayGoOn,
): Promise<UpstreamTrouble | undefined> {
  const relay = call.dialect.relay(call.request, call.context);
  call.relay = relay;
  let flow: StreamFlow<R> | undefined;
  const end = await new Promise<FlowEnd>((resolve) => {
    flow = new StreamFlow(call, answer, relay, resolve);
    flow.start();
  });
  const outcome = relay.end(end.kind === 'ended');
  const hasPassed = flow?.hasPassed === true;
  const by = gaveUp(call, end);
  if (outcome.kind === 'complete') await settleComplete(call, relay, outcome, () => flow?.begin());
  else if (by !== undefined) await endCounted(call, by, outcome.usage, outcome.seen);
  else if (await settleWhole(call, end, () => flow?.begin())) return undefined;
  else {
    const trouble = troubleOf(call, outcome, end, hasPassed ? 'passed' : answer);
    if (!hasPassed && mayGoOn(trouble)) {
      noteBrokenAnswer(call, trouble);
      return trouble;
    }
    await endBrokenAnswer(call, trouble, call.metering(outcome.usage, outcome.seen).usage);
  }
  return undefined;
}

async function settleComplete<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  relay: RelayedStream,
  outcome: Extract<StreamOutcome, { kind: 'complete' }>,
  begin: () => void,
): Promise<void> {
  call.deps.router.succeeded(call.place);
  const { usage, certainty } = call.metering(outcome.usage, outcome.seen);
  const isUncountable = certainty === 'counted' && call.isUncountable(outcome.seen);
  call.outcome = isUncountable ? 'unresolved' : 'complete';
  const closing = relay.closing(usage, call.chargeFor(usage));
  await call.keeper.keepStream({ 'content-type': STREAM_CONTENT_TYPE, ...STREAM_HEADERS }, closing, usage, certainty);
  const recorded = isUncountable
    ? await call.record.abandon('usage-not-reported', usage)
    : await call.record.complete({
        usage,
        certainty,
        outcome: 'complete',
        ...(outcome.finishReason === undefined ? {} : { finishReason: call.redact(outcome.finishReason) }),
      });
  if (recorded.kind === 'unavailable') {
    call.answerError('record_unavailable');
    return;
  }
  call.took(usage, recorded);
  begin();
  call.connection.write(closing);
  call.connection.end();
  if (!isUncountable) await call.keeper.settled();
}

/**
 * Some backends answer with everything at once, whatever they were asked for: the client gets it as the stream that it
 * wanted. Answers whether this was one.
 */
async function settleWhole<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  end: FlowEnd,
  begin: () => void,
): Promise<boolean> {
  const bytes = end.kind === 'foreign' ? end.body.whole() : undefined;
  const relay = bytes === undefined ? undefined : call.dialect.relayWhole?.(call.request, call.context);
  if (bytes === undefined || relay === undefined) return false;
  const text = relay.push(bytes);
  const outcome = relay.end(true);
  if (outcome.kind !== 'complete') return false;
  call.relay = relay;
  begin();
  call.record.sawFirstByte();
  call.connection.write(text);
  call.keeper.gather(text);
  await settleComplete(call, relay, outcome, begin);
  return true;
}

/** Who gave the stream up, if it was not its backend that broke it. */
function gaveUp<R extends MeteredRequest>(call: AdmittedCall<R>, end: FlowEnd): GivenUpBy | undefined {
  if (end.kind === 'client-gone') return 'client';
  return end.kind === 'failed' && end.failure.kind === 'aborted' ? givenUpBy(call) : undefined;
}

/** Why a stream did not come to its end. */
function troubleOf<R extends MeteredRequest>(
  { model, redact }: AdmittedCall<R>,
  outcome: Exclude<StreamOutcome, { kind: 'complete' }>,
  end: FlowEnd,
  answer: Answer | 'passed',
): UpstreamTrouble {
  if (end.kind === 'failed') return end.failure;
  const trouble = end.kind === 'foreign' ? end.body.trouble() : outcome;
  if (trouble.kind === 'cut') return { kind: 'cut' };
  if (trouble.kind !== 'backend-error') return trouble;
  const { seen } = outcome;
  const isSilent = seen.textBytes === 0 && seen.deltas === 0 && seen.isPartial !== true;
  // What a model that reasons invisibly had thought by its first frame nobody can see.
  const beforeOutput = isSilent && (answer !== 'passed' || !model.hiddenReasoning);
  const wait = answer === 'passed' ? undefined : answer.headers.retryAfterMs;
  return {
    kind: 'backend-error',
    error: redactedError(trouble.error, redact),
    beforeOutput,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}
