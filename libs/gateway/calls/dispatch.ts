import type { PickedRoute, SeenOutput } from '#inference';
import {
  classifyTrouble,
  type NotStartedReason,
  type OpenFailure,
  type UpstreamResponse,
  type UpstreamTrouble,
} from '#inference/backends';
import type { ModelRoute } from '#inference/catalogue';
import { backendErrorOfBody } from '#inference/openai';
import { type BackendId, foreignText } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import { chooseRoute } from './choose-route';
import type { MeteredRequest } from './dialect';
import type { Plan } from './plan';
import { finishStreamed, keepWaiting } from './streamed-call';
import { describeTrouble, endInTrouble } from './trouble';
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
  const error = backendErrorOfBody(body);
  return { kind: 'status', status, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Failures that say something about the backend, not about the request or the client. */
function isBackendsFault(trouble: OpenTrouble): boolean {
  if (trouble.kind === 'status') return trouble.status >= 500;
  return trouble.kind !== 'aborted' && trouble.kind !== 'not-started';
}

/**
 * Tells the router how the attempt went, as far as it is known. An answer that has only begun proves nothing: a backend
 * that breaks every one of its answers must not be taken for well again by each first line.
 */
function noteHealth<R extends MeteredRequest>(call: AdmittedCall<R>, trouble: OpenTrouble | undefined): void {
  const { router, clock } = call.deps;
  const { id, name } = call.backend;
  const failure = trouble === undefined ? undefined : describeTrouble(trouble);
  if (trouble?.kind === 'status' && trouble.status < 500) router.succeeded(id);
  else if (trouble !== undefined && isBackendsFault(trouble)) router.failed(id, failure ?? trouble.kind);
  router.decided({
    at: clock.now(),
    callId: call.callId,
    model: call.model.id,
    backend: name,
    decision: call.decision,
    ...(failure === undefined ? {} : { failure }),
  });
}

/** Another backend for a call that is proven not to have been billed by those before; undefined when there is none. */
function nextRoute<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  trouble: OpenTrouble,
  tried: ReadonlySet<BackendId>,
): PickedRoute | undefined {
  const { deps, model, caller, dialect, request, connection } = call;
  if (!classifyTrouble(trouble, call.backend.unbilledServerErrors).mayFailOver) return undefined;
  if (tried.size >= deps.settings.attemptsMax || caller.routing.onlyBackend !== undefined) return undefined;
  if (connection.isGone && !call.keeper.runsOn) return undefined;
  const chosen = chooseRoute(deps, dialect, request, model, caller, tried);
  return chosen.ok ? chosen.picked : undefined;
}

/**
 * Sends an authorized call on its way and sees it to its end. One hold covers one attempt that may be billed: another
 * backend is asked only after one that is proven not to bill.
 */
export async function dispatchCall<R extends MeteredRequest>(call: AdmittedCall<R>, plan: Plan): Promise<void> {
  const tried = new Set<BackendId>();
  const { clock, settings } = call.deps;
  const endsByMs = clock.monotonicMs() + settings.callMsMax;
  for (let route = plan.route; ; ) {
    tried.add(call.backend.id);
    call.deps.router.sending(call.backend.id);
    const trouble = await attempt(call, route, endsByMs, (failed) => nextRoute(call, failed, tried) !== undefined);
    if (trouble === undefined) return;
    const next = nextRoute(call, trouble, tried);
    // The last healthy one may have gone meanwhile.
    if (next === undefined) return endInTrouble(call, trouble);
    route = next.route;
    call.backend = next.backend;
    call.upstreamModel = next.route.upstreamModel;
    call.decision = 'failover';
  }
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

/** One attempt. Answers its trouble when another backend is to be tried; otherwise the call has ended. */
async function attempt<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  route: ModelRoute,
  endsByMs: number,
  hasAnother: (trouble: OpenTrouble) => boolean,
): Promise<OpenTrouble | undefined> {
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
  const startedMs = deps.clock.monotonicMs();
  const callTimer = setTimeout(() => aborter.abort(), Math.max(0, endsByMs - startedMs));
  // Many backends send no header before their first token, and that may take minutes.
  const keepAlive = request.stream ? setInterval(() => keepWaiting(call), deps.settings.keepAliveMs) : undefined;
  try {
    const response = await client.open({
      backend,
      operation: dialect.operation,
      body: dialect.buildUpstream(request, {
        backend,
        upstreamModel: route.upstreamModel,
        outputTokensCap: bounds.outputTokensCap,
      }),
      signal: aborter.signal,
      whyNotStart: () => whyNotStart(call, startedMs),
      ...(caller.traceparent === undefined ? {} : { traceparent: caller.traceparent }),
    });
    clearInterval(keepAlive);
    noteAttempt(call, response, startedMs);
    const trouble = response.kind === 'answer' ? undefined : troubleOf(response);
    noteHealth(call, trouble);
    if (trouble !== undefined && hasAnother(trouble)) return trouble;
    if (response.kind !== 'answer') await endUnanswered(call, response);
    else if (request.stream) await finishStreamed(call, response);
    else await finishUnstreamed(call, response);
    return undefined;
  } finally {
    clearTimeout(callTimer);
    clearInterval(keepAlive);
  }
}

/** A call that came to nothing before its answer began. */
function endUnanswered<R extends MeteredRequest>(call: AdmittedCall<R>, response: Unanswered): Promise<void> {
  const trouble = troubleOf(response);
  return trouble.kind === 'aborted' && call.connection.isGone
    ? endWithoutClient(call, trouble.dispatched)
    : endInTrouble(call, trouble);
}

/** The client left before the first byte: a streamed call is charged its input, an unstreamed one nobody can count. */
async function endWithoutClient<R extends MeteredRequest>(call: AdmittedCall<R>, dispatched: boolean): Promise<void> {
  call.outcome = 'client-gone';
  call.status = 499;
  if (!dispatched) {
    await call.record.release('client-left-before-dispatch', false);
    return;
  }
  // A keyed call ends here only by the limit of its time: its key must not be taken for free.
  await call.keeper.keepLoss();
  const nothing: SeenOutput = { textBytes: 0, deltas: 0 };
  if (!call.request.stream || call.isUncountable(nothing)) {
    await call.record.abandon('client-left');
    return;
  }
  const { usage, certainty } = call.metering({ kind: 'absent' }, nothing);
  call.took(usage, await call.record.complete({ usage, certainty, outcome: 'interrupted' }));
}
