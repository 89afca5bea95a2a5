import { DateTime, IANAZone } from 'luxon';
import { type EpochMs, epochMs } from '#kernel';
import type { BudgetPeriod } from './events';
import { type Budget, type LedgerState, type PeriodCounter, periodKey } from './state';

export function isTimeZone(name: string): boolean {
  return IANAZone.isValidZone(name);
}

const UNIT_OF = { daily: 'day', weekly: 'week', monthly: 'month', quarterly: 'quarter', yearly: 'year' } as const;

export interface Period {
  readonly from: EpochMs;
  /** Exclusive; absent when the period never ends. */
  readonly to?: EpochMs;
}

/** Where clocks go back to midnight or over it, a day has two of them: it begins at the first, whenever it is asked. */
function firstMoment(midnight: DateTime): EpochMs {
  const moments = midnight.getPossibleOffsets().map((possible) => possible.toMillis());
  return epochMs(Math.min(...moments));
}

/**
 * The calendar period that holds a moment, in a time zone: days begin at local midnight (or at the first moment that
 * exists), weeks on Monday (ISO 8601).
 */
export function periodAt(period: BudgetPeriod, timeZone: string, at: EpochMs, countedSince: EpochMs): Period {
  if (period === 'total') return { from: countedSince };
  const unit = UNIT_OF[period];
  const start = DateTime.fromMillis(at, { zone: timeZone }).startOf(unit);
  const end = start.plus({ [unit]: 1 }).startOf(unit);
  return { from: firstMoment(start), to: firstMoment(end) };
}

/**
 * The period that a call authorized now belongs to. A period that a call has opened keeps its recorded bounds until it
 * ends, so that a changed time zone database moves nothing that was counted.
 */
export function periodForCall(
  state: LedgerState,
  budget: Budget,
  at: EpochMs,
): { readonly counter: PeriodCounter; readonly isNew: boolean } {
  const { definition, currentFrom } = budget;
  const current =
    currentFrom === undefined ? undefined : state.periods.get(periodKey(definition.budgetId, currentFrom));
  if (current !== undefined && (current.to === undefined || at < current.to)) return { counter: current, isNew: false };
  const calendar = periodAt(definition.period, definition.timeZone, at, definition.countedSince);
  // A new time zone could place the new period's start inside the old one: they never overlap.
  const from = current?.to !== undefined && calendar.from < current.to ? current.to : calendar.from;
  return {
    counter: emptyCounter(budget, calendar.to === undefined ? { from } : { from, to: calendar.to }),
    isNew: true,
  };
}

export function emptyCounter(budget: Budget, period: Period): PeriodCounter {
  return {
    budgetId: budget.definition.budgetId,
    ...period,
    settled: 0n,
    held: 0n,
    unresolved: 0n,
    thresholdReached: 0,
    exceeded: false,
  };
}
