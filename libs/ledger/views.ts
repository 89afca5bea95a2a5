import type { ApiKeyId, BudgetId, CallId, EpochMs } from '#kernel';
import type { BudgetMode, BudgetPeriod, BudgetScope, BudgetUnit } from './events';
import { bucketRemaining, bucketResetMs, bucketsOf } from './limits';
import { periodForCall } from './periods';
import { type BucketUnit, type LedgerState, periodKey } from './state';

/** One budget as its owners see it, at one moment; amounts are in its unit. */
export interface BudgetView {
  readonly budgetId: BudgetId;
  readonly name: string;
  readonly scope: BudgetScope;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  readonly mode: BudgetMode;
  readonly thresholds: readonly number[];
  readonly timeZone: string;
  readonly countedSince: EpochMs;
  readonly ended: boolean;
  readonly limit: bigint;
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
  /** Never negative: a limit that was lowered may lie below what is counted. */
  readonly remaining: bigint;
  readonly periodStart: EpochMs;
  readonly resetsAt?: EpochMs;
}

export function budgetView(state: LedgerState, budgetId: BudgetId, at: EpochMs): BudgetView | undefined {
  const budget = state.budgets.get(budgetId);
  if (budget === undefined) return undefined;
  const { counter } = periodForCall(state, budget, at);
  const { settled, held, unresolved, from, to } = counter;
  const left = budget.definition.limit - settled - held - unresolved;
  return {
    ...budget.definition,
    ended: budget.ended,
    settled,
    held,
    unresolved,
    remaining: left < 0n ? 0n : left,
    periodStart: from,
    ...(to === undefined ? {} : { resetsAt: to }),
  };
}

export function budgetViews(state: LedgerState, at: EpochMs): readonly BudgetView[] {
  return [...state.budgets.keys()].sort().flatMap((id) => budgetView(state, id, at) ?? []);
}

/** Budgets of mode `warn` that this call, open or unresolved, finds or puts beyond their limit. */
export function budgetWarnings(state: LedgerState, callId: CallId): readonly BudgetId[] {
  const touches = (state.holds.get(callId) ?? state.unresolved.get(callId))?.call.touches ?? [];
  return touches.flatMap(({ budgetId, from }) => {
    const definition = state.budgets.get(budgetId)?.definition;
    const counter = state.periods.get(periodKey(budgetId, from));
    if (definition?.mode !== 'warn' || counter === undefined) return [];
    return counter.settled + counter.held + counter.unresolved > definition.limit ? [budgetId] : [];
  });
}

/** What the rate-limit headers of an answer say. */
export interface RateView {
  readonly unit: BucketUnit;
  readonly scope: 'api-key' | 'organization';
  readonly limit: number;
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
}

/** For each unit the bucket with the least left: the one that binds. */
export function rateViews(state: LedgerState, keyId: ApiKeyId, at: EpochMs): readonly RateView[] {
  const views = bucketsOf(state, keyId).map(({ key, unit, scope, shape }): RateView => {
    const bucket = state.buckets.get(key);
    return {
      unit,
      scope,
      limit: shape.perMinute,
      remaining: bucketRemaining(shape, bucket, at),
      resetMs: bucketResetMs(shape, bucket, at),
    };
  });
  return (['requests', 'tokens'] as const).flatMap((unit) => {
    const [first, ...rest] = views.filter((view) => view.unit === unit);
    return first === undefined
      ? []
      : [rest.reduce((least, view) => (view.remaining < least.remaining ? view : least), first)];
  });
}
