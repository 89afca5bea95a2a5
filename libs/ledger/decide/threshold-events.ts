import type { NanoUsd } from '#kernel';
import type { LedgerEvent, Touch } from '../events';
import { reachedThresholds, settledAmount } from '../settlement';
import { type Hold, type LedgerState, periodKey } from '../state';

/** Announces each threshold that the settled and unresolved amounts newly reach. */
export function thresholdEvents(
  hold: Hold,
  state: LedgerState,
  delta: (touch: Touch) => bigint,
): readonly LedgerEvent[] {
  const events: LedgerEvent[] = [];
  for (const touch of hold.call.touches) {
    const budget = state.budgets.get(touch.budgetId);
    if (budget === undefined || budget.ended || budget.definition.thresholds.length === 0) continue;
    const counter = state.periods.get(periodKey(touch.budgetId, touch.from));
    if (counter === undefined) continue;
    const { limit, thresholds, budgetId } = budget.definition;
    const ahead = thresholds.filter((threshold) => threshold > counter.thresholdReached);
    if (ahead.length === 0) continue;
    const spent = counter.settled + counter.unresolved + delta(touch);
    for (const threshold of reachedThresholds(ahead, spent, limit))
      events.push({ type: 'BudgetThresholdReached', data: { budgetId, from: touch.from, threshold, spent, limit } });
  }
  return events;
}

export function thresholdsAfterSettling(
  hold: Hold,
  state: LedgerState,
  charged: NanoUsd,
  tokens: bigint,
  wasUnresolved: boolean,
) {
  return thresholdEvents(
    hold,
    state,
    (touch) => settledAmount(touch, charged, tokens) - (wasUnresolved ? touch.amount : 0n),
  );
}
