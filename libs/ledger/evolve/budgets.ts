import type { BudgetId } from '#kernel';
import type { LedgerEventOf } from '../events';
import { emptyCounter } from '../periods';
import { reachedThresholds } from '../settlement';
import { type BudgetDefinition, type LedgerState, periodKey, scopeKey } from '../state';

export function budgetDefined(state: LedgerState, { data }: LedgerEventOf<'BudgetDefined'>): LedgerState {
  const definition: BudgetDefinition = data;
  const key = scopeKey(definition.scope);
  const inScope = [...(state.budgetsByScope.get(key) ?? []), definition.budgetId].sort();
  return {
    ...state,
    budgets: state.budgets.set(definition.budgetId, { definition, ended: false }),
    budgetsByScope: state.budgetsByScope.set(key, inScope),
  };
}

export function budgetChanged(state: LedgerState, { data }: LedgerEventOf<'BudgetChanged'>): LedgerState {
  const budget = state.budgets.get(data.budgetId);
  if (budget === undefined) return state;
  const definition = { ...budget.definition, ...data };
  const key = budget.currentFrom === undefined ? undefined : periodKey(data.budgetId, budget.currentFrom);
  const counter = key === undefined ? undefined : state.periods.get(key);
  // Another limit or other thresholds: what is not reached under them may be announced again.
  const periods =
    key === undefined || counter === undefined
      ? state.periods
      : state.periods.set(key, {
          ...counter,
          thresholdReached:
            reachedThresholds(definition.thresholds, counter.settled + counter.unresolved, definition.limit).at(-1) ??
            0,
          exceeded: counter.exceeded && counter.settled + counter.held + counter.unresolved > definition.limit,
        });
  return { ...state, budgets: state.budgets.set(data.budgetId, { ...budget, definition }), periods };
}

export function budgetEnded(state: LedgerState, { data }: LedgerEventOf<'BudgetEnded'>): LedgerState {
  const budget = state.budgets.get(data.budgetId);
  if (budget === undefined) return state;
  const key = scopeKey(budget.definition.scope);
  const left = (state.budgetsByScope.get(key) ?? []).filter((id) => id !== data.budgetId);
  return {
    ...state,
    budgets: state.budgets.set(data.budgetId, { ...budget, ended: true }),
    budgetsByScope: left.length === 0 ? state.budgetsByScope.delete(key) : state.budgetsByScope.set(key, left),
  };
}

export function periodOpened(state: LedgerState, { data }: LedgerEventOf<'BudgetPeriodOpened'>): LedgerState {
  const budget = state.budgets.get(data.budgetId);
  if (budget === undefined) return state;
  const before = budget.currentFrom === undefined ? undefined : periodKey(data.budgetId, budget.currentFrom);
  const counter = emptyCounter(budget, data.to === undefined ? { from: data.from } : { from: data.from, to: data.to });
  const opened = {
    ...state,
    budgets: state.budgets.set(data.budgetId, { ...budget, currentFrom: data.from }),
    periods: state.periods.set(periodKey(data.budgetId, data.from), counter),
  };
  return before === undefined ? opened : { ...opened, periods: withoutFinishedPeriod(opened, opened.periods, before) };
}

/** A past period is forgotten once no call in it can still move: its sums live on in the record. */
export function withoutFinishedPeriod(
  state: LedgerState,
  periods: LedgerState['periods'],
  key: string,
): LedgerState['periods'] {
  const counter = periods.get(key);
  if (counter === undefined || counter.held !== 0n || counter.unresolved !== 0n) return periods;
  const current = state.budgets.get(counter.budgetId)?.currentFrom;
  return current === counter.from ? periods : periods.delete(key);
}

/** Marks what has been announced for a period. */
export function periodMarked(
  state: LedgerState,
  budgetId: BudgetId,
  from: LedgerEventOf<'BudgetExceeded'>['data']['from'],
  mark: { readonly thresholdReached?: number; readonly exceeded?: boolean },
): LedgerState {
  const key = periodKey(budgetId, from);
  const counter = state.periods.get(key);
  if (counter === undefined) return state;
  return {
    ...state,
    periods: state.periods.set(key, {
      ...counter,
      thresholdReached: Math.max(counter.thresholdReached, mark.thresholdReached ?? 0),
      exceeded: counter.exceeded || (mark.exceeded ?? false),
    }),
  };
}

export function limitsSet(state: LedgerState, { data }: LedgerEventOf<'LimitsSet'>): LedgerState {
  return data.target.type === 'organization'
    ? { ...state, organizationLimits: data.limits }
    : { ...state, keyLimits: state.keyLimits.set(data.target.id, data.limits) };
}
