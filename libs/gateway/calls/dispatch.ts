import { setTimeout as pause } from 'node:timers/promises';
import { JsonDocument, type PickedRoute } from '#inference';
import { sortBetas } from '#inference/anthropic';
import {
  type NotStartedReason,
  type OpenFailure,
  redactedError,
  type UpstreamResponse,
  type UpstreamTrouble,
} from '#inference/backends';
import { backendErrorOfBody } from '#inference/openai';
import { type BackendId, foreignText } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import type { MeteredRequest } from './dialect';
import { endCounted, endUncounted, endUnsent, givenUpBy } from './given-up';
import { nextAttempt } from './next-attempt';
import { finishStreamed, keepWaiting } from './streamed-call';
import { describeTrouble, endInTrouble, isBackendsFault, type MayGoOn } from './trouble';
import { finishUnstreamed } from './unstreamed-call';

/** What can go wrong before an answer begins. */
type OpenTrouble = Extract<UpstreamTrouble, { kind: 'status' }> | OpenFailure;

function describe(failure: OpenFailure): string {
  return 'reason' in failure ? foreignText(`${failure.kind}: ${failure.reason}`) : failure.kind;
}

function noteAttempt<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  response: UpstreamResponse,
  startedMs: number,
): void {
  const totalMs = Math.max(0, Math.round(call.deps.clock.monotonicMs() - startedMs));
  const { decision } = call;
  const backendId = call.backend.id;
  if (response.kind === 'failure') {
    call.record.attempted({ backendId, decision, error: describe(response.failure), totalMs });
    return;
  }
  const { status, headers } = response;
  const upstreamRequestId = headers.requestId === undefined ? undefined : foreignText(headers.requestId);
  call.record.attempted({ backendId, decision, status, firstByteMs: totalMs, totalMs }, upstreamRequestId);
}

type Unanswered = Exclude<UpstreamResponse, { kind: 'answer' }>;

function troubleOf(response: Unanswered): OpenTrouble {
  if (response.kind === 'failure') return response.failure;
  const { status, headers, body } = response;
  const { retryAfterMs } = headers;
  const error = redactedError(backendErrorOfBody(body), response.redact);
  return { kind: 'status', status, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/**
 * Tells the router how the attempt went, as far as it is known. An answer that has only begun proves nothing: a backend
 * that breaks every one of its answers must not be taken for well again by each first line.
 */
function noteHealth<R extends MeteredRequest>(call: AdmittedCall<R>, trouble: OpenTrouble | undefined): void {
  const { router, clock } = call.deps;
  const { place } = call;
  const { name } = call.backend;
  const failure = trouble === undefined ? undefined : describeTrouble(trouble);
  if (trouble?.kind === 'status' && trouble.status < 500) router.succeeded(place);
  else if (trouble?.kind === 'connect-failed') router.unreachable(place, failure ?? trouble.kind);
  else if (trouble !== undefined && isBackendsFault(trouble)) router.failed(place, failure ?? trouble.kind);
  else if (trouble !== undefined) router.givenUp(place);
  router.decided({
    at: clock.now(),
    callId: call.callId,
    model: call.model.id,
    backend: name,
    decision: call.decision,
    ...(failure === undefined ? {} : { failure }),
  });
}

/** How one attempt is made. */
interface AttemptOptions {
  readonly endsByMs: number;
  readonly freshConnection: boolean;
  readonly mayGoOn: MayGoOn;
}

/**
 * Sends an authorized call on its way and sees it to its end. One hold covers one attempt that may be billed: another
 * one is made only after those that are proven not to be.
 */
export async function dispatchCall<R extends MeteredRequest>(call: AdmittedCall<R>): Promise<void> {
  const backends = new Set<BackendId>();
  const { clock, settings, router } = call.deps;
  const endsByMs = clock.monotonicMs() + settings.callMsMax;
  let freshConnection = false;
  for (let count = 1; ; count += 1) {
    if (call.deps.cut.isCut) return endUnsent(call, 'platform');
    backends.add(call.backend.id);
    router.sending(call.place);
    const startedMs = clock.monotonicMs();
    const next = (trouble: UpstreamTrouble) =>
      nextAttempt(call, trouble, clock.monotonicMs() - startedMs, { count, backends });
    const mayGoOn: MayGoOn = (failed) => next(failed) !== undefined;
    const trouble = await attempt(call, { endsByMs, freshConnection, mayGoOn });
    if (trouble === undefined) return;
    const following = next(trouble);
    // The last healthy one may have gone meanwhile.
    if (following === undefined) return endInTrouble(call, trouble);
    if (following.waitMs > 0) await pause(following.waitMs);
    if (call.connection.isGone && !call.keeper.runsOn) return endInTrouble(call, trouble);
    freshConnection = following.freshConnection;
    goTo(call, following.picked);
  }
}

function goTo<R extends MeteredRequest>(call: AdmittedCall<R>, picked: PickedRoute | undefined): void {
  if (picked === undefined) return;
  if (picked.backend.id !== call.backend.id) call.decision = 'failover';
  call.backend = picked.backend;
  call.upstreamModel = picked.route.upstreamModel;
}

/**
 * Others may end a call of a process that they take for dead, and a process does not notice its own pauses: between
 * this look and the request on the wire nothing may be waited for.
 */
function whyNotStart<R extends MeteredRequest>(
  { deps, backend }: AdmittedCall<R>,
  startedMs: number,
): NotStartedReason | undefined {
  if (!deps.mayDispatch()) return 'lease-lost';
  // A new connection may take its own time.
  const windowMs = deps.settings.dispatchWindowMs + backend.timeouts.connectMs;
  return deps.clock.monotonicMs() - startedMs > windowMs ? 'dispatch-window-passed' : undefined;
}

/** One attempt. Answers its trouble when another one is to be made; otherwise the call has ended. */
async function attempt<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  { endsByMs, freshConnection, mayGoOn }: AttemptOptions,
): Promise<UpstreamTrouble | undefined> {
  const { deps, dialect, request, caller, connection, bounds } = call;
  const { backend } = call;
  const client = deps.backendClient(backend.kind);
  if (client === undefined) {
    const reason = `this process serves no backend of kind ${backend.kind}`;
    await endInTrouble(call, { kind: 'connect-failed', reason });
    return undefined;
  }
  const aborter = new AbortController();
  if (!call.keeper.runsOn) connection.onGone(() => aborter.abort());
  const forgetCut = deps.cut.onCut(() => aborter.abort());
  const source = JsonDocument.from(request.body);
  const startedMs = deps.clock.monotonicMs();
  const callTimer = setTimeout(() => aborter.abort(), Math.max(0, endsByMs - startedMs));
  // Many backends send no header before their first token, and that may take minutes.
  const keepAlive = request.stream ? setInterval(() => keepWaiting(call), deps.settings.keepAliveMs) : undefined;
  try {
    const response = await client.open({
      backend,
      operation: dialect.operation,
      contextTokens: call.model.contextTokens,
      body: dialect.buildUpstream(request, {
        backend,
        upstreamModel: call.upstreamModel,
        outputTokensCap: bounds.outputTokensCap,
      }),
      ...(source === undefined ? {} : { source }),
      signal: aborter.signal,
      whyNotStart: () => {
        const why = whyNotStart(call, startedMs);
        call.wasSent ||= why === undefined;
        if (why === undefined) deps.router.connected(call.place);
        return why;
      },
      ...(caller.anthropic === undefined
        ? {}
        : { anthropic: { ...caller.anthropic, betas: sortBetas(caller.anthropic.betas, backend).passed } }),
      ...(freshConnection ? { freshConnection } : {}),
      ...(caller.traceparent === undefined ? {} : { traceparent: caller.traceparent }),
    });
    clearInterval(keepAlive);
    call.redact = (response.kind === 'failure' ? undefined : response.redact) ?? ((text) => text);
    noteAttempt(call, response, startedMs);
    const trouble = response.kind === 'answer' ? undefined : troubleOf(response);
    noteHealth(call, trouble);
    if (trouble !== undefined && mayGoOn(trouble)) return trouble;
    if (response.kind === 'answer')
      return await (request.stream
        ? finishStreamed(call, response, mayGoOn)
        : finishUnstreamed(call, response, mayGoOn));
    await endUnanswered(call, response);
    return undefined;
  } finally {
    forgetCut();
    clearTimeout(callTimer);
    clearInterval(keepAlive);
  }
}

/** A call that came to nothing before its answer began. */
function endUnanswered<R extends MeteredRequest>(call: AdmittedCall<R>, response: Unanswered): Promise<void> {
  const trouble = troubleOf(response);
  const by = trouble.kind === 'aborted' ? givenUpBy(call) : undefined;
  if (trouble.kind !== 'aborted' || by === undefined) return endInTrouble(call, trouble);
  if (!trouble.dispatched) return endUnsent(call, by);
  // A streamed call is charged its input, an unstreamed one nobody can count.
  return call.request.stream ? endCounted(call, by) : endUncounted(call, by);
}
