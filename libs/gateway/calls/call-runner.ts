import { callBounds, pickRoute } from '#inference';
import type { OpenFailure, UpstreamResponse } from '#inference/backends';
import type { Backend, Model, ModelRoute } from '#inference/catalogue';
import { backendErrorOfBody, type ErrorCode, type ErrorOptions } from '#inference/openai';
import { type CallBounds, type Clock, foreignText, type ModelId, type Prices } from '#kernel';
import { type LedgerOutcome, LedgerUnavailableError } from '#ledger';
import { AdmittedCall } from './admitted-call';
import { CallRecord } from './call-record';
import type { Caller } from './caller';
import type { ClientConnection } from './client-connection';
import type { Dialect, MeteredRequest } from './dialect';
import { refusalAnswer } from './ledger-refusals';
import type { CallDependencies } from './ports';
import { rateHeaders } from './rate-headers';
import { finishStreamed } from './streamed-call';
import { endInTrouble } from './trouble';
import { finishUnstreamed } from './unstreamed-call';

interface Plan {
  readonly model: Model;
  readonly prices: Prices;
  readonly route: ModelRoute;
  readonly backend: Backend;
  readonly bounds: CallBounds;
}

type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly code: ErrorCode; readonly param: string | null };

/**
 * Runs one call from its parsed body to its settled answer. The order is the promise: the authorization is durable
 * before a backend is contacted, the settlement before the last byte of the answer.
 */
export class CallRunner {
  constructor(private readonly deps: CallDependencies) {}

  async run<R extends MeteredRequest>(
    dialect: Dialect<R>,
    body: unknown,
    caller: Caller,
    connection: ClientConnection,
  ): Promise<void> {
    try {
      const parsed = dialect.parse(body);
      if (!parsed.ok) {
        const { code, message, param } = parsed.refusal;
        return await this.refuse(dialect, caller, connection, modelNamed(body), code, { message, param });
      }
      const planned = this.plan(dialect, parsed.request, caller);
      if (!planned.ok)
        return await this.refuse(dialect, caller, connection, parsed.request.model, planned.code, {
          param: planned.param,
        });
      await this.admit(dialect, parsed.request, caller, connection, planned.plan);
    } catch (error) {
      this.deps.observer.failed(error, caller);
      const { status, headers, body: text } = dialect.errorAnswer('internal_error', { requestId: caller.requestId });
      connection.answer(status, headers, text);
      connection.end();
    }
  }

  /** Finds out everything that the ledger must be asked about. */
  private plan<R extends MeteredRequest>(dialect: Dialect<R>, request: R, caller: Caller): Planned {
    const found = this.deps.models.findCallableModel(caller, request.model as ModelId, this.deps.clock.now());
    if (!found.ok) return { ok: false, code: found.code, param: 'model' };
    const { model, prices } = found;
    if (!dialect.modelKinds.includes(model.kind)) return { ok: false, code: 'model_not_for_route', param: 'model' };
    const picked = pickRoute(model, this.deps.models.backends(), this.deps.random());
    if (picked === undefined) return { ok: false, code: 'backend_unavailable', param: null };
    return { ok: true, plan: { model, prices, ...picked, bounds: callBounds(model, request.facts) } };
  }

  private async admit<R extends MeteredRequest>(
    dialect: Dialect<R>,
    request: R,
    caller: Caller,
    connection: ClientConnection,
    plan: Plan,
  ): Promise<void> {
    const { ledger, clock, owner } = this.deps;
    const record = new CallRecord(ledger, clock, owner, caller);
    const asked = clock.monotonicMs();
    const outcome = await this.authorize(record, dialect, request, caller, plan);
    if (outcome === undefined) return this.answer(dialect, caller, connection, 'ledger_unavailable', {});
    if (!outcome.ok) return this.answerRefusal(dialect, request, caller, connection, outcome);
    const authorized = outcome.events.find(({ event }) => event.type === 'InferenceAuthorized')?.event;
    if (authorized?.type !== 'InferenceAuthorized') throw new Error('an admitted call has no authorization');
    const warnings = outcome.events.flatMap(({ event }) =>
      event.type === 'BudgetExceeded' && event.data.mode === 'warn' ? [event.data.budgetId] : [],
    );
    const { bounds, dispatchBy } = authorized.data;
    const call = new AdmittedCall<R>(
      this.deps,
      dialect,
      request,
      caller,
      connection,
      record,
      plan.model,
      plan.backend,
      bounds,
      outcome.state,
      bounds.outputTokensCap < plan.bounds.outputTokensCap,
      warnings,
    );
    try {
      // A process that was paused must not send an old authorization on its way: others may have ended it.
      const isLate =
        clock.now() > dispatchBy ||
        clock.monotonicMs() - asked > this.deps.settings.dispatchWindowMs + this.longestWaitMs();
      if (connection.isGone || isLate) await this.releaseUndispatched(call, isLate);
      else await this.dispatch(call, plan);
    } finally {
      call.report();
    }
  }

  private longestWaitMs(): number {
    return Math.max(this.deps.settings.concurrencyWaitMs, this.deps.settings.budgetWaitMs);
  }

  /** `undefined` when the record cannot be written: nothing may be dispatched. */
  private async authorize<R extends MeteredRequest>(
    record: CallRecord,
    dialect: Dialect<R>,
    request: R,
    caller: Caller,
    { model, prices, backend, bounds }: Plan,
  ): Promise<LedgerOutcome | undefined> {
    const { settings } = this.deps;
    const { dispatchWindowMs, callMsMax, holdGraceMs } = settings;
    try {
      return await record.authorize(
        {
          callId: caller.requestId,
          keyId: caller.keyId,
          projectId: caller.projectId,
          model: model.id,
          endpoint: dialect.endpoint,
          stream: request.stream,
          backendId: backend.id,
          prices,
          bounds,
          outputTokensCapMin: settings.outputTokensCapMin,
          dispatchWindowMs,
          holdMs: dispatchWindowMs + callMsMax + holdGraceMs,
          ...(caller.clientRequestId === undefined ? {} : { clientRequestId: caller.clientRequestId }),
        },
        {
          waitMs: { concurrency_limit_exceeded: settings.concurrencyWaitMs, budget_contended: settings.budgetWaitMs },
        },
      );
    } catch (error) {
      if (error instanceof LedgerUnavailableError) return undefined;
      throw error;
    }
  }

  private async releaseUndispatched<R extends MeteredRequest>(call: AdmittedCall<R>, isLate: boolean): Promise<void> {
    call.outcome = isLate ? 'dispatch-window-passed' : 'client-gone';
    const recorded = await call.record.release(call.outcome, false);
    call.answerRecorded(recorded, 'ledger_unavailable');
  }

  private async dispatch<R extends MeteredRequest>(call: AdmittedCall<R>, plan: Plan): Promise<void> {
    const { backend, route } = plan;
    const { deps, dialect, request, caller, connection, bounds } = call;
    const client = deps.backendClient(backend.kind);
    if (client === undefined)
      return endInTrouble(call, {
        kind: 'connect-failed',
        reason: `this process serves no backend of kind ${backend.kind}`,
      });
    const aborter = new AbortController();
    const callTimer = setTimeout(() => aborter.abort(), deps.settings.callMsMax);
    connection.onGone(() => aborter.abort());
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
      this.noteAttempt(call, response, deps.clock, startedMs);
      if (response.kind !== 'answer') return await this.answerFailure(call, response);
      if (request.stream) await finishStreamed(call, response);
      else await finishUnstreamed(call, response);
    } finally {
      clearTimeout(callTimer);
    }
  }

  private noteAttempt<R extends MeteredRequest>(
    call: AdmittedCall<R>,
    response: UpstreamResponse,
    clock: Clock,
    startedMs: number,
  ): void {
    const totalMs = Math.max(0, Math.round(clock.monotonicMs() - startedMs));
    const backendId = call.backend.id;
    if (response.kind === 'failure') call.record.attempted({ backendId, error: describe(response.failure), totalMs });
    else
      call.record.attempted(
        { backendId, status: response.status, firstByteMs: totalMs, totalMs },
        response.headers.requestId === undefined ? undefined : foreignText(response.headers.requestId),
      );
  }

  /** A call that came to nothing before its answer began. */
  private answerFailure<R extends MeteredRequest>(
    call: AdmittedCall<R>,
    response: Exclude<UpstreamResponse, { kind: 'answer' }>,
  ): Promise<void> {
    if (response.kind === 'failure') {
      const { failure } = response;
      return failure.kind === 'aborted' && call.connection.isGone
        ? this.clientLeft(call, failure.dispatched)
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
  private async clientLeft<R extends MeteredRequest>(call: AdmittedCall<R>, dispatched: boolean): Promise<void> {
    call.outcome = 'client-gone';
    call.status = 499;
    if (!dispatched) {
      await call.record.release('client left before dispatch', false);
      return;
    }
    const { usage, certainty } = call.metering({ kind: 'absent' }, { textBytes: 0, deltas: 0 });
    if (!call.request.stream || call.isUncountable) await call.record.abandon('client left before the answer');
    else call.took(usage, await call.record.complete({ usage, certainty, outcome: 'interrupted' }));
  }

  /** Refused before the ledger was asked; recorded there all the same. */
  private async refuse<R extends MeteredRequest>(
    dialect: Dialect<R>,
    caller: Caller,
    connection: ClientConnection,
    model: string,
    code: ErrorCode,
    options: Omit<ErrorOptions, 'requestId'>,
  ): Promise<void> {
    await this.recordRefusal(dialect.endpoint, caller, model, code);
    this.answer(dialect, caller, connection, code, options, model);
  }

  private async recordRefusal(
    endpoint: MeteredEndpoint,
    caller: Caller,
    model: string,
    code: ErrorCode,
  ): Promise<void> {
    const { orgId, keyId, projectId, requestId } = caller;
    try {
      await this.deps.ledger.submit(
        orgId,
        {
          type: 'RecordRefusal',
          callId: requestId,
          keyId,
          projectId,
          model: foreignText(model, 120) as ModelId,
          endpoint,
          code,
        },
        { actor: { type: 'api-key', id: keyId }, requestId },
      );
    } catch (error) {
      // The refusal itself stands: a call that was not admitted needs no record to be safe.
      if (!(error instanceof LedgerUnavailableError)) throw error;
    }
  }

  private answerRefusal<R extends MeteredRequest>(
    dialect: Dialect<R>,
    request: R,
    caller: Caller,
    connection: ClientConnection,
    outcome: LedgerOutcome & { ok: false },
  ): void {
    const { code, message, details, retryAfterMs } = refusalAnswer(outcome.refusal);
    const options = {
      ...(message === undefined ? {} : { message }),
      details: { ...details, ...(outcome.eventId === undefined ? {} : { event_id: outcome.eventId }) },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    const headers = rateHeaders(outcome.state, caller.keyId, this.deps.clock.now());
    this.answer(dialect, caller, connection, code, options, request.model, headers);
  }

  private answer<R extends MeteredRequest>(
    dialect: Dialect<R>,
    caller: Caller,
    connection: ClientConnection,
    code: ErrorCode,
    options: Omit<ErrorOptions, 'requestId'>,
    model = '',
    extra: Readonly<Record<string, string>> = {},
  ): void {
    const { status, headers, body } = dialect.errorAnswer(code, { ...options, requestId: caller.requestId });
    const { clientRequestId } = caller;
    const echoed = clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId };
    connection.answer(status, { ...headers, ...echoed, ...extra }, body);
    this.deps.observer.ended({
      caller,
      endpoint: dialect.endpoint,
      model: foreignText(model, 120),
      stream: false,
      outcome: 'refused',
      status,
      code,
      latencyMs: Math.max(0, Math.round(this.deps.clock.monotonicMs() - caller.arrivedMs)),
    });
  }
}

type MeteredEndpoint = Dialect<MeteredRequest>['endpoint'];

/** The model that a malformed request names, for the record of its refusal. */
function modelNamed(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('model' in body)) return '(none)';
  return typeof body.model === 'string' ? body.model : '(none)';
}

function describe(failure: OpenFailure): string {
  return 'reason' in failure ? `${failure.kind}: ${foreignText(failure.reason, 120)}` : failure.kind;
}
