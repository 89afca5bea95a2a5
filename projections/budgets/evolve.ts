import { type DecodedEvent, totalTokens } from '#kernel';
import type { LedgerEvent, LedgerEventOf, Touch } from '#ledger';
import { organizationOf } from '../calls';
import { type BudgetDoc, HISTORY_ENTRIES_MAX, type HoldDoc, type PeriodDoc } from './tables';
import type { BudgetHistoryEntry } from './types';

export type DefinitionEvent = Extract<LedgerEvent, { type: 'BudgetDefined' | 'BudgetChanged' | 'BudgetEnded' }>;
export type PeriodEvent = Extract<
  LedgerEvent,
  { type: 'BudgetPeriodOpened' | 'BudgetThresholdReached' | 'BudgetExceeded' }
>;
export type HoldEvent = Extract<
  LedgerEvent,
  {
    type:
      | 'InferenceAuthorized'
      | 'InferenceCompleted'
      | 'InferenceFailed'
      | 'InferenceReleased'
      | 'InferenceUnresolved'
      | 'InferenceResolved';
  }
>;

function withEntry(budget: BudgetDoc, entry: BudgetHistoryEntry): BudgetDoc {
  const history = [...budget.history, entry];
  const tooMany = Math.max(0, history.length - HISTORY_ENTRIES_MAX);
  return {
    ...budget,
    history: history.slice(tooMany),
    historyEntriesLeftOut: budget.historyEntriesLeftOut + tooMany,
  };
}

/** A budget after it was defined, changed or ended; `undefined` when it was never defined. */
export function evolveBudget(
  before: BudgetDoc | undefined,
  event: DecodedEvent<DefinitionEvent>,
): BudgetDoc | undefined {
  const { at, actor } = event.metadata;
  const who = { at, actor: `${actor.type}:${actor.id}` };
  const change = event.event;
  switch (change.type) {
    case 'BudgetDefined': {
      const { name, limit, mode, thresholds } = change.data;
      return withEntry(
        { ...change.data, orgId: organizationOf(event), ended: false, history: [], historyEntriesLeftOut: 0 },
        { what: 'defined', ...who, name, limit, mode, thresholds },
      );
    }
    case 'BudgetChanged': {
      const { budgetId: _, ...changed } = change.data;
      return before === undefined
        ? undefined
        : withEntry({ ...before, ...changed }, { what: 'changed', ...who, ...changed });
    }
    case 'BudgetEnded':
      return before === undefined ? undefined : withEntry({ ...before, ended: true }, { what: 'ended', ...who });
  }
}

export function openedPeriod({ data }: LedgerEventOf<'BudgetPeriodOpened'>, budget: BudgetDoc): PeriodDoc {
  const { budgetId, from, to } = data;
  return {
    budgetId,
    from,
    ...(to === undefined ? {} : { to }),
    limit: budget.limit,
    settled: 0n,
    held: 0n,
    unresolved: 0n,
    thresholdsReached: [],
    exceeded: [],
  };
}

/** A period after a threshold was reached or its limit exceeded. */
export function announced(
  period: PeriodDoc,
  event: DecodedEvent<Exclude<PeriodEvent, { type: 'BudgetPeriodOpened' }>>,
): PeriodDoc {
  const { at } = event.metadata;
  const change = event.event;
  if (change.type === 'BudgetExceeded') {
    const { used, limit } = change.data;
    return { ...period, exceeded: [...period.exceeded, { at, used, limit }] };
  }
  const { threshold, spent } = change.data;
  return { ...period, thresholdsReached: [...period.thresholdsReached, { threshold, at, spent }] };
}

/** What a settled call counts in one budget: never more than it held there (docs/architecture.md). */
function settledAmount(touch: Touch, charged: bigint, tokens: bigint): bigint {
  switch (touch.unit) {
    case 'cost':
      return charged;
    case 'tokens':
      return tokens < touch.amount ? tokens : touch.amount;
    case 'requests':
      return 1n;
  }
}

/** Moves the amounts of one period that a call touched. */
export interface Movement {
  readonly touch: Touch;
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
}

export interface HoldChange {
  readonly movements: readonly Movement[];
  /** The call as it is remembered from now on; `undefined`: its cost is final. */
  readonly hold: HoldDoc | undefined;
}

function ended(hold: HoldDoc, settle: (touch: Touch) => bigint): HoldChange {
  const movements = hold.touches.map((touch) => ({
    touch,
    settled: settle(touch),
    held: hold.state === 'held' ? -touch.amount : 0n,
    unresolved: hold.state === 'unresolved' ? -touch.amount : 0n,
  }));
  return { movements, hold: undefined };
}

function lost(hold: HoldDoc): HoldChange | undefined {
  if (hold.state === 'unresolved') return undefined;
  const movements = hold.touches.map((touch) => ({
    touch,
    settled: 0n,
    held: -touch.amount,
    unresolved: touch.amount,
  }));
  return { movements, hold: { ...hold, state: 'unresolved' } };
}

/** A dispatched call counts as one request whatever its outcome. */
function uncharged(hold: HoldDoc, dispatched: boolean): HoldChange {
  return ended(hold, (touch) => (dispatched && touch.unit === 'requests' ? touch.amount : 0n));
}

/** What one event of a call does to the budgets that the call touched; `undefined` when it does nothing. */
export function holdChange(change: HoldEvent, hold: HoldDoc | undefined): HoldChange | undefined {
  if (change.type === 'InferenceAuthorized') {
    const { touches } = change.data;
    if (touches.length === 0) return undefined;
    const movements = touches.map((touch) => ({ touch, settled: 0n, held: touch.amount, unresolved: 0n }));
    return { movements, hold: { state: 'held', touches } };
  }
  if (hold === undefined) return undefined;
  switch (change.type) {
    case 'InferenceCompleted': {
      const { charged, usage } = change.data;
      return ended(hold, (touch) => settledAmount(touch, charged, BigInt(totalTokens(usage))));
    }
    case 'InferenceFailed':
      return change.data.billed === 'unknown' ? lost(hold) : uncharged(hold, true);
    case 'InferenceReleased':
      return uncharged(hold, change.data.dispatched);
    case 'InferenceUnresolved':
      return lost(hold);
    case 'InferenceResolved': {
      const { charged, tokens } = change.data;
      return ended(hold, (touch) => settledAmount(touch, charged, tokens));
    }
  }
}

export function moved(period: PeriodDoc, { settled, held, unresolved }: Movement): PeriodDoc {
  return {
    ...period,
    settled: period.settled + settled,
    held: period.held + held,
    unresolved: period.unresolved + unresolved,
  };
}
