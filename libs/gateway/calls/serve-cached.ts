import { formatUsd } from '#kernel';
import { CallRecord } from './call-record';
import type { MeteredRequest } from './dialect';
import { withCost } from './kept-answer';
import { authorizeCommand, pricesNow } from './plan';
import type { CallDependencies } from './ports';
import { rateHeaders } from './rate-headers';
import type { ReadyCall } from './ready-call';
import type { CacheHit } from './response-cache';
import { reusePlan, reusePriceList } from './reuse';

/**
 * Answers a call from the organization's response cache. It is authorized and settled like any call, at the price that
 * the policy sets for a reuse, and no backend is asked.
 */
export async function serveCached<R extends MeteredRequest>(
  deps: CallDependencies,
  ready: ReadyCall<R>,
  hit: CacheHit,
): Promise<void> {
  const { dialect, request, caller, connection, refused } = ready;
  const { kept } = hit;
  const plan = reusePlan(ready.plan, hit);
  const record = new CallRecord(deps.ledger, deps.clock, deps.owner, caller, deps.observer);
  const outcome = await record.authorize(authorizeCommand(deps, dialect, request, caller, plan), {
    waitMs: {
      concurrency_limit_exceeded: deps.settings.concurrencyWaitMs,
      budget_contended: deps.settings.budgetWaitMs,
    },
    pricesNow: () => {
      const now = pricesNow(deps, caller, ready.plan);
      return now === undefined ? undefined : reusePriceList(now, hit.policy);
    },
  });
  if (!outcome.ok) {
    refused.byLedger(outcome);
    return;
  }
  record.sawFirstByte();
  const { usage, certainty } = kept;
  const recorded = await record.complete({ usage, certainty, outcome: 'complete', servedFrom: 'cache' });
  if (recorded.kind === 'unavailable') {
    refused.answer('record_unavailable');
    return;
  }
  const cost = formatUsd(recorded.charged);
  const { clientRequestId, keyId, requestId } = caller;
  connection.answer(
    kept.status,
    {
      ...kept.headers,
      ...dialect.answerHeaders?.(requestId),
      'x-request-id': requestId,
      ...(clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId }),
      'x-cache': 'hit',
      'x-call-cost': cost,
      ...rateHeaders(outcome.state, keyId, deps.clock.now()),
    },
    withCost(kept.text, cost),
  );
  deps.observer.ended({
    caller,
    endpoint: dialect.endpoint,
    model: plan.model.id,
    stream: request.stream,
    backend: 'cache',
    outcome: 'complete',
    status: kept.status,
    inputTokens: usage.input + usage.cachedInput + usage.cacheWrite,
    outputTokens: usage.output,
    chargedNanoUsd: recorded.charged,
    latencyMs: record.elapsedMs(),
  });
}
