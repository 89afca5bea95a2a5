import type { EpochMs } from '#kernel';
import { accepted, refused } from '#kernel';
import type { ChangeBudget, DefineBudget, EndBudget, SetLimits } from '../commands';
import type { LedgerEvent } from '../events';
import { isTimeZone } from '../periods';
import type { LedgerRefusal } from '../refusals';
import { reachedThresholds } from '../settlement';
import { type Budget, type BudgetDefinition, type LedgerState, periodKey, scopeKey } from '../state';
import { budgetTag, limitsOf, limitsTag } from '../tags';
import { isStale, STALE } from './conditional';

type BudgetDecision = { ok: true; events: readonly LedgerEvent[] } | { ok: false; refusal: LedgerRefusal };

/** Budgets in force at once; ended ones do not count, so that budgets can be replaced for ever. */
export const BUDGETS_MAX = 1_000;
/** Ended ones included: they stay readable, and every carry repeats them. */
export const BUDGETS_EVER_MAX = 10_000;
/** Budgets in force per scope, so that the record of a call stays far below an event's size limit. */
export const BUDGETS_PER_SCOPE_MAX = 20;
export const THRESHOLDS_MAX = 10;
export const DEFAULT_THRESHOLDS = [50, 80, 100] as const;
/** The largest limit in any unit: far beyond use, far below what breaks arithmetic elsewhere. */
export const BUDGET_LIMIT_MAX = 10n ** 24n;

const NAME_LENGTH_MAX = 120;

function invalid(message: string): BudgetDecision {
  return refused<LedgerRefusal>({ code: 'budget_invalid', message });
}

function problemWith(budget: Pick<BudgetDefinition, 'name' | 'limit' | 'thresholds' | 'timeZone'>): string | undefined {
  if (budget.name.trim() === '' || budget.name.length > NAME_LENGTH_MAX || !budget.name.isWellFormed())
    return `A budget's name has 1 to ${NAME_LENGTH_MAX} characters.`;
  if (budget.limit < 0n || budget.limit > BUDGET_LIMIT_MAX) return 'A limit is not negative and at most 10^24.';
  if (budget.thresholds.length > THRESHOLDS_MAX) return `At most ${THRESHOLDS_MAX} thresholds fit.`;
  if (!budget.thresholds.every((percent) => Number.isInteger(percent) && percent >= 1 && percent <= 1_000))
    return 'Thresholds are whole percentages from 1 to 1000.';
  if (!isTimeZone(budget.timeZone)) return `"${budget.timeZone.slice(0, 64)}" is no IANA time zone.`;
  return undefined;
}

function ascending(thresholds: readonly number[]): number[] {
  return [...new Set(thresholds)].sort((a, b) => a - b);
}

function budgetsInForce(state: LedgerState): number {
  return state.budgetsByScope.reduce((sum, ids) => sum + ids.length, 0);
}

function sameDefinition(a: BudgetDefinition, b: BudgetDefinition): boolean {
  return (
    a.name === b.name &&
    scopeKey(a.scope) === scopeKey(b.scope) &&
    a.unit === b.unit &&
    a.period === b.period &&
    a.limit === b.limit &&
    a.mode === b.mode &&
    a.timeZone === b.timeZone &&
    a.thresholds.join() === b.thresholds.join()
  );
}

/** A new budget counts from now on: what was authorized earlier is not in it. */
export function defineBudget(command: DefineBudget, state: LedgerState, at: EpochMs): BudgetDecision {
  const { budgetId, name, scope, unit, period, limit, mode, timeZone } = command;
  const thresholds = ascending(command.thresholds);
  const definition = { budgetId, name, scope, unit, period, limit, mode, thresholds, timeZone, countedSince: at };
  const existing = state.budgets.get(command.budgetId);
  if (existing !== undefined)
    return sameDefinition(existing.definition, definition) && !existing.ended
      ? accepted()
      : refused<LedgerRefusal>({ code: 'budget_exists', message: `Budget ${command.budgetId} exists already.` });
  if (budgetsInForce(state) >= BUDGETS_MAX || state.budgets.size >= BUDGETS_EVER_MAX)
    return refused<LedgerRefusal>({
      code: 'budgets_too_many',
      message: `An organization has at most ${BUDGETS_MAX} budgets in force, and ${BUDGETS_EVER_MAX} ever; change one instead.`,
    });
  if ((state.budgetsByScope.get(scopeKey(command.scope))?.length ?? 0) >= BUDGETS_PER_SCOPE_MAX)
    return refused<LedgerRefusal>({
      code: 'budgets_too_many',
      message: `A scope has at most ${BUDGETS_PER_SCOPE_MAX} budgets in force; end one first.`,
    });
  const problem = problemWith(definition);
  if (problem !== undefined) return invalid(problem);
  return accepted<LedgerEvent>({ type: 'BudgetDefined', data: definition });
}

/** Thresholds that what is spent already reaches under another limit: nobody else would announce them. */
function passedByChange(budget: Budget, after: BudgetDefinition, state: LedgerState, at: EpochMs): LedgerEvent[] {
  const { currentFrom: from } = budget;
  const { budgetId, limit, thresholds } = after;
  const counter = from === undefined ? undefined : state.periods.get(periodKey(budgetId, from));
  if (counter === undefined || (counter.to !== undefined && at >= counter.to)) return [];
  const spent = counter.settled + counter.unresolved;
  return reachedThresholds(thresholds, spent, limit)
    .filter((threshold) => threshold > counter.thresholdReached)
    .map((threshold) => ({
      type: 'BudgetThresholdReached',
      data: { budgetId, from: counter.from, threshold, spent, limit },
    }));
}

/** Keeps what was spent. A lowered limit may leave the sum above it until it falls. */
export function changeBudget(command: ChangeBudget, state: LedgerState, at: EpochMs): BudgetDecision {
  const budget = state.budgets.get(command.budgetId);
  if (budget === undefined)
    return refused<LedgerRefusal>({ code: 'budget_not_found', message: `There is no budget ${command.budgetId}.` });
  if (isStale(command, () => budgetTag({ ...budget.definition, ended: budget.ended }))) return STALE;
  if (budget.ended)
    return refused<LedgerRefusal>({
      code: 'budget_ended',
      message: `Budget ${command.budgetId} has ended; define a new one.`,
    });
  const before = budget.definition;
  const after: BudgetDefinition = {
    ...before,
    name: command.name ?? before.name,
    limit: command.limit ?? before.limit,
    mode: command.mode ?? before.mode,
    thresholds: command.thresholds === undefined ? before.thresholds : ascending(command.thresholds),
  };
  const problem = problemWith(after);
  if (problem !== undefined) return invalid(problem);
  if (sameDefinition(before, after)) return accepted();
  const { budgetId, name, limit, mode, thresholds } = after;
  return accepted<LedgerEvent>(
    { type: 'BudgetChanged', data: { budgetId, name, limit, mode, thresholds: [...thresholds] } },
    ...passedByChange(budget, after, state, at),
  );
}

export function endBudget(command: EndBudget, state: LedgerState): BudgetDecision {
  const budget = state.budgets.get(command.budgetId);
  if (budget === undefined)
    return refused<LedgerRefusal>({ code: 'budget_not_found', message: `There is no budget ${command.budgetId}.` });
  if (isStale(command, () => budgetTag({ ...budget.definition, ended: budget.ended }))) return STALE;
  return budget.ended
    ? accepted()
    : accepted<LedgerEvent>({ type: 'BudgetEnded', data: { budgetId: command.budgetId } });
}

const LIMIT_MAX = 1_000_000_000;

/** Replaces a target's limits; an absent one is no limit. */
export function setLimits(command: SetLimits, state: LedgerState): BudgetDecision {
  const { target, limits } = command;
  if (isStale(command, () => limitsTag(limitsOf(state, target)))) return STALE;
  const values = [limits.requestsPerMinute, limits.burst, limits.tokensPerMinute, limits.concurrency];
  if (!values.every((value) => value === undefined || (Number.isInteger(value) && value >= 0 && value <= LIMIT_MAX)))
    return refused<LedgerRefusal>({
      code: 'limits_invalid',
      message: `Limits are whole numbers from 0 to ${LIMIT_MAX}.`,
    });
  if (limits.burst !== undefined && limits.requestsPerMinute === undefined)
    return refused<LedgerRefusal>({ code: 'limits_invalid', message: 'A burst needs requestsPerMinute.' });
  const costs = [limits.callCostMax, limits.unresolvedCostMax];
  if (!costs.every((cost) => cost === undefined || (cost >= 0n && cost <= BUDGET_LIMIT_MAX)))
    return refused<LedgerRefusal>({
      code: 'limits_invalid',
      message: 'Costs are not negative, and at most 10^15 USD.',
    });
  // The default is not what somebody has set: setting the same numbers is recorded, and outlives another default.
  const current = target.type === 'organization' ? state.organizationLimits : state.keyLimits.get(target.id);
  const unchanged =
    current !== undefined &&
    current.requestsPerMinute === limits.requestsPerMinute &&
    current.burst === limits.burst &&
    current.tokensPerMinute === limits.tokensPerMinute &&
    current.concurrency === limits.concurrency &&
    current.callCostMax === limits.callCostMax &&
    current.unresolvedCostMax === limits.unresolvedCostMax;
  return unchanged ? accepted() : accepted<LedgerEvent>({ type: 'LimitsSet', data: { target, limits: { ...limits } } });
}
