import type { ClientBody } from '#inference';
import type { CallBounds, CallId, EpochMs } from '#kernel';
import { budgetWarnings, type LedgerOutcome, LedgerUnavailableError, type SubmitOptions } from '#ledger';
import { AdmittedCall } from './admitted-call';
import { AnswerKeeper } from './answer-keeper';
import { CallRecord } from './call-record';
import type { Caller } from './caller';
import type { ClientConnection } from './client-connection';
import type { Dialect, MeteredRequest } from './dialect';
import { dispatchCall } from './dispatch';
import type { KeptAnswer } from './kept-answer';
import { isIdempotencyKey, type KeyedCall } from './keyed-answers';
import { lookUpCached } from './look-up-cached';
import { parseSound } from './parse-sound';
import { authorizeCommand, planCall, pricesNow } from './plan';
import type { CallDependencies } from './ports';
import type { ReadyCall } from './ready-call';
import { modelNamed, RefusedCall } from './refused-call';
import type { CacheHit } from './response-cache';
import { serveCached } from './serve-cached';

/**
 * Runs one call from its parsed body to its settled answer. The order is the promise: the authorization is durable
 * before a backend is contacted, the settlement before the last byte of the answer.
 */
export class CallRunner {
  constructor(private readonly deps: CallDependencies) {}

  async run<R extends MeteredRequest>(
    dialect: Dialect<R>,
    body: ClientBody,
    caller: Caller,
    connection: ClientConnection,
  ): Promise<void> {
    try {
      const refused = new RefusedCall(this.deps, dialect, caller, connection, modelNamed(body.value));
      const parsed = parseSound(body, dialect.parse);
      if (!parsed.ok) {
        const { code, message, param } = parsed.refusal;
        return await refused.beforeLedger(code, { message, param });
      }
      const planned = planCall(this.deps, dialect, parsed.request, caller);
      if (!planned.ok) {
        const { code, param, message } = planned;
        return await refused.beforeLedger(code, { param, ...(message === undefined ? {} : { message }) });
      }
      const keyed = await this.identify(dialect, body, caller, refused);
      if (keyed === 'refused') return;
      const cached = await lookUpCached(this.deps, dialect.endpoint, body, caller);
      const ready: ReadyCall<R> = {
        dialect,
        request: parsed.request,
        caller,
        connection,
        plan: planned.plan,
        refused,
        ...(keyed === undefined ? {} : { keyed }),
        ...(cached.key === undefined ? {} : { cacheKey: cached.key }),
      };
      await this.admit(ready, cached.hit);
    } catch (error) {
      this.deps.observer.failed(error, caller);
      const { status, headers, body: text } = dialect.errorAnswer('internal_error', { requestId: caller.requestId });
      connection.answer(status, headers, text);
      connection.end();
    }
  }

  /** What the ledger must know of the call's Idempotency-Key, if it has one. */
  private async identify<R extends MeteredRequest>(
    dialect: Dialect<R>,
    body: ClientBody,
    caller: Caller,
    refused: RefusedCall<R>,
  ): Promise<KeyedCall | 'refused' | undefined> {
    const { idempotencyKey } = caller;
    if (idempotencyKey === undefined) return undefined;
    if (!isIdempotencyKey(idempotencyKey)) {
      await refused.beforeLedger('invalid_idempotency_key', {});
      return 'refused';
    }
    if (!caller.allowsStoredAnswers) {
      await refused.beforeLedger('idempotency_not_allowed', {});
      return 'refused';
    }
    try {
      return await this.deps.keyedAnswers.identify(caller, dialect.endpoint, idempotencyKey, body);
    } catch (error) {
      this.deps.observer.failed(error, caller);
      refused.answer('idempotency_unavailable', { retryAfterMs: 1_000 });
      return 'refused';
    }
  }

  private async admit<R extends MeteredRequest>(ready: ReadyCall<R>, hit: CacheHit | undefined): Promise<void> {
    const { ledger, clock, owner, observer } = this.deps;
    const { dialect, request, caller, connection, plan, refused, keyed } = ready;
    const record = new CallRecord(ledger, clock, owner, caller, observer);
    const askedMs = clock.monotonicMs();
    let outcome: LedgerOutcome;
    try {
      if (hit !== undefined) return await serveCached(this.deps, ready, hit);
      const command = authorizeCommand(this.deps, dialect, request, caller, plan, keyed);
      outcome = await record.authorize(command, {
        ...this.waits(keyed !== undefined),
        pricesNow: () => pricesNow(this.deps, caller, plan),
      });
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      refused.answer('ledger_unavailable', { retryAfterMs: 1_000 });
      return;
    }
    if (!outcome.ok) {
      if (keyed !== undefined && (await this.replay(ready, keyed, outcome))) return;
      refused.byLedger(outcome);
      return;
    }
    const authorized = outcome.events.find(({ event }) => event.type === 'InferenceAuthorized')?.event;
    if (authorized?.type !== 'InferenceAuthorized') throw new Error('an admitted call has no authorization');
    const call = new AdmittedCall<R>({
      deps: this.deps,
      dialect,
      request,
      caller,
      connection,
      record,
      model: plan.model,
      backend: plan.backend,
      upstreamModel: plan.route.upstreamModel,
      bounds: authorized.data.bounds,
      hold: authorized.data,
      admittedState: outcome.state,
      warnings: budgetWarnings(outcome.state, caller.requestId),
      keeper: this.keeperOf(ready, authorized.data.bounds),
    });
    try {
      if (connection.isGone) await this.releaseUndispatched(call, 'client-gone');
      else if (this.isTooLate(authorized.data.dispatchBy, askedMs, keyed))
        await this.releaseUndispatched(call, 'dispatch-window-passed');
      else await dispatchCall(call);
    } catch (error) {
      observer.failed(error, caller);
      // A stream that has begun must not end as if it were complete.
      if (!connection.hasEnded) call.answerError('internal_error');
    } finally {
      call.report();
    }
  }

  private keeperOf<R extends MeteredRequest>(ready: ReadyCall<R>, granted: CallBounds): AnswerKeeper {
    const { caller, keyed, cacheKey, plan } = ready;
    const { keyedAnswers, responseCache } = this.deps;
    // An answer that a budget cut short is not what an equal request gets once there is room again.
    const isWhole = granted.outputTokensCap === plan.bounds.outputTokensCap;
    return new AnswerKeeper(
      caller,
      keyed === undefined ? undefined : { answers: keyedAnswers, call: keyed },
      cacheKey === undefined || !isWhole ? undefined : { answers: responseCache, key: cacheKey },
    );
  }

  /** Only what can be in the way of the call: its longest wait is added to how long it waits for the record. */
  private waits(isKeyed: boolean): SubmitOptions {
    const { concurrencyWaitMs, budgetWaitMs, repeatWaitMs } = this.deps.settings;
    return {
      waitMs: {
        concurrency_limit_exceeded: concurrencyWaitMs,
        budget_contended: budgetWaitMs,
        ...(isKeyed ? { idempotency_in_progress: repeatWaitMs } : {}),
      },
    };
  }

  /** A process that was paused must not send an old authorization on its way: others may have ended it. */
  private isTooLate(dispatchBy: EpochMs, askedMs: number, keyed: KeyedCall | undefined): boolean {
    const { clock, settings } = this.deps;
    const { dispatchWindowMs, concurrencyWaitMs, budgetWaitMs, repeatWaitMs } = settings;
    const waitMs = keyed === undefined ? Math.max(concurrencyWaitMs, budgetWaitMs) : repeatWaitMs;
    // The wall clock may have been set back meanwhile; the monotonic one cannot.
    return clock.now() > dispatchBy || clock.monotonicMs() - askedMs > waitMs + dispatchWindowMs;
  }

  private async releaseUndispatched<R extends MeteredRequest>(call: AdmittedCall<R>, why: string): Promise<void> {
    call.outcome = why;
    const recorded = await call.record.release(why, false);
    call.answerRecorded(recorded, 'ledger_unavailable', { retryAfterMs: 1_000 });
  }

  /** `unavailable`: it may well be there, so nothing may be said of it. */
  private async findKept(
    { key }: KeyedCall,
    callId: CallId,
    caller: Caller,
  ): Promise<KeptAnswer | 'unavailable' | undefined> {
    try {
      return await this.deps.keyedAnswers.find(key, callId);
    } catch (error) {
      this.deps.observer.failed(error, caller);
      return 'unavailable';
    }
  }

  /** Answers a repeat from the first call's kept answer; says whether it did. */
  private async replay<R extends MeteredRequest>(
    ready: ReadyCall<R>,
    keyed: KeyedCall,
    outcome: LedgerOutcome & { ok: false },
  ): Promise<boolean> {
    const { caller, connection, dialect, refused } = ready;
    const { refusal } = outcome;
    if (refusal.code !== 'idempotency_answered') return false;
    const kept = await this.findKept(keyed, refusal.details.callId, caller);
    if (kept === 'unavailable') {
      refused.answer('idempotency_unavailable', { retryAfterMs: 1_000 });
      return true;
    }
    if (kept === undefined) {
      refused.answer('idempotency_outcome_unknown', { details: { call_id: refusal.details.callId } });
      return true;
    }
    const { clientRequestId } = caller;
    connection.answer(
      kept.status,
      {
        ...kept.headers,
        ...dialect.answerHeaders?.(caller.requestId),
        'x-request-id': caller.requestId,
        ...(clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId }),
        'x-original-request-id': refusal.details.callId,
        'idempotent-replayed': 'true',
      },
      kept.text,
    );
    refused.replayed(kept.status);
    return true;
  }
}
