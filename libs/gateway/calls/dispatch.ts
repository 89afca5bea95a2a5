import type { OpenFailure, UpstreamResponse } from '#inference/backends';
import { backendErrorOfBody } from '#inference/openai';
import { foreignText } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import type { MeteredRequest } from './dialect';
import type { Plan } from './plan';
import { finishStreamed } from './streamed-call';
import { endInTrouble } from './trouble';
import { finishUnstreamed } from './unstreamed-call';

function describe(failure: OpenFailure): string {
  return 'reason' in failure ? foreignText(`${failure.kind}: ${failure.reason}`) : failure.kind;
}

function noteAttempt<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  response: UpstreamResponse,
  startedMs: number,
): void {
  const totalMs = Math.max(0, Math.round(call.deps.clock.monotonicMs() - startedMs));
  const backendId = call.backend.id;
  if (response.kind === 'failure') {
    call.record.attempted({ backendId, error: describe(response.failure), totalMs });
    return;
  }
  const { status, headers } = response;
  const upstreamRequestId = headers.requestId === undefined ? undefined : foreignText(headers.requestId);
  call.record.attempted({ backendId, status, firstByteMs: totalMs, totalMs }, upstreamRequestId);
}

/** Sends an authorized call on its way and sees it to its end. */
export async function dispatchCall<R extends MeteredRequest>(call: AdmittedCall<R>, plan: Plan): Promise<void> {
  const { deps, dialect, request, caller, connection, bounds } = call;
  const { backend, route } = plan;
  const client = deps.backendClient(backend.kind);
  if (client === undefined) {
    const reason = `this process serves no backend of kind ${backend.kind}`;
    return endInTrouble(call, { kind: 'connect-failed', reason });
  }
  const aborter = new AbortController();
  const callTimer = setTimeout(() => aborter.abort(), deps.settings.callMsMax);
  if (call.keyed === undefined) connection.onGone(() => aborter.abort());
  const startedMs = deps.clock.monotonicMs();
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
      ...(caller.traceparent === undefined ? {} : { traceparent: caller.traceparent }),
    });
    noteAttempt(call, response, startedMs);
    if (response.kind !== 'answer') await endUnanswered(call, response);
    else if (request.stream) await finishStreamed(call, response);
    else await finishUnstreamed(call, response);
  } finally {
    clearTimeout(callTimer);
  }
}

/** A call that came to nothing before its answer began. */
function endUnanswered<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  response: Exclude<UpstreamResponse, { kind: 'answer' }>,
): Promise<void> {
  if (response.kind === 'failure') {
    const { failure } = response;
    return failure.kind === 'aborted' && call.connection.isGone
      ? endWithoutClient(call, failure.dispatched)
      : endInTrouble(call, failure);
  }
  const { status, headers, body } = response;
  const { retryAfterMs } = headers;
  return endInTrouble(call, {
    kind: 'status',
    status,
    error: backendErrorOfBody(body),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The client left before the first byte: a streamed call is charged its input, an unstreamed one nobody can count. */
async function endWithoutClient<R extends MeteredRequest>(call: AdmittedCall<R>, dispatched: boolean): Promise<void> {
  call.outcome = 'client-gone';
  call.status = 499;
  if (!dispatched) {
    await call.record.release('client left before dispatch', false);
    return;
  }
  if (!call.request.stream || call.isUncountable) {
    await call.record.abandon('client left before the answer');
    return;
  }
  const { usage, certainty } = call.metering({ kind: 'absent' }, { textBytes: 0, deltas: 0 });
  call.took(usage, await call.record.complete({ usage, certainty, outcome: 'interrupted' }));
}
