import { type BudgetId, type EpochMs, epochMs, type OrganizationId } from '#kernel';
import type { BudgetMode, BudgetPeriod, BudgetScope, BudgetUnit, Touch } from '#ledger';
import type { JsonValue, Table } from '#read-store';
import type { BudgetHistoryEntry, BudgetPeriodRecord, BudgetRecord } from './types';

/** How many changes of a budget are kept, newest. */
export const HISTORY_ENTRIES_MAX = 500;

/** A budget, and the period that calls belong to at present. */
export interface BudgetDoc extends BudgetRecord {
  readonly currentFrom?: EpochMs;
}

type StoredEntry =
  | (Omit<Extract<BudgetHistoryEntry, { what: 'defined' | 'changed' }>, 'limit'> & { readonly limit: string })
  | Extract<BudgetHistoryEntry, { what: 'ended' }>;

interface StoredBudget {
  readonly name: string;
  readonly scope: BudgetScope;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  readonly mode: BudgetMode;
  readonly limit: string;
  readonly thresholds: readonly number[];
  readonly timeZone: string;
  readonly countedSince: EpochMs;
  readonly ended: boolean;
  readonly history: readonly StoredEntry[];
  readonly historyEntriesLeftOut: number;
  readonly currentFrom?: EpochMs;
}

/** One document per budget. */
export const budgetsTable: Table<BudgetDoc> = {
  schema: { name: 'budgets', columns: { orgId: 'text' }, indexes: [{ columns: ['orgId'] }] },
  encode: ({ budgetId: _, orgId, limit, history, ...rest }) => ({
    columns: { orgId },
    rest: {
      ...rest,
      scope: { ...rest.scope },
      limit: String(limit),
      history: history.map((entry) =>
        entry.what === 'ended' ? { ...entry } : { ...entry, limit: String(entry.limit) },
      ),
    } satisfies JsonValue,
  }),
  decode: ({ id, columns, rest }) => {
    const stored = rest as unknown as StoredBudget;
    return {
      ...stored,
      budgetId: id as BudgetId,
      orgId: String(columns.orgId) as OrganizationId,
      limit: BigInt(stored.limit),
      history: stored.history.map(
        (entry): BudgetHistoryEntry => (entry.what === 'ended' ? entry : { ...entry, limit: BigInt(entry.limit) }),
      ),
    };
  },
};

export interface PeriodDoc extends BudgetPeriodRecord {
  readonly budgetId: BudgetId;
}

interface StoredPeriod {
  readonly to?: EpochMs;
  readonly limit: string;
  readonly settled: string;
  readonly held: string;
  readonly unresolved: string;
  readonly thresholdsReached: readonly (readonly [number, EpochMs, string])[];
  readonly exceeded: readonly (readonly [EpochMs, string, string])[];
}

export function periodId(budgetId: BudgetId, from: EpochMs): string {
  return `${budgetId}:${from}`;
}

/** One document per budget and period; amounts may exceed 64 bits and are decimal strings. */
export const periodsTable: Table<PeriodDoc> = {
  schema: {
    name: 'periods',
    columns: { budgetId: 'text', periodFrom: 'integer' },
    indexes: [{ columns: ['budgetId', 'periodFrom'] }],
  },
  encode: ({ budgetId, from, to, limit, settled, held, unresolved, thresholdsReached, exceeded }) => ({
    columns: { budgetId, periodFrom: from },
    rest: {
      to,
      limit: String(limit),
      settled: String(settled),
      held: String(held),
      unresolved: String(unresolved),
      thresholdsReached: thresholdsReached.map(({ threshold, at, spent }) => [threshold, at, String(spent)]),
      exceeded: exceeded.map(({ at, used, limit: exceededLimit }) => [at, String(used), String(exceededLimit)]),
    },
  }),
  decode: ({ columns, rest }) => {
    const { to, limit, settled, held, unresolved, thresholdsReached, exceeded } = rest as unknown as StoredPeriod;
    return {
      budgetId: String(columns.budgetId) as BudgetId,
      from: epochMs(Number(columns.periodFrom)),
      ...(to === undefined ? {} : { to }),
      limit: BigInt(limit),
      settled: BigInt(settled),
      held: BigInt(held),
      unresolved: BigInt(unresolved),
      thresholdsReached: thresholdsReached.map(([threshold, at, spent]) => ({ threshold, at, spent: BigInt(spent) })),
      exceeded: exceeded.map(([at, used, exceededLimit]) => ({ at, used: BigInt(used), limit: BigInt(exceededLimit) })),
    };
  },
};

/** A call that budgets count, from its authorization until its cost is final. */
export interface HoldDoc {
  readonly state: 'held' | 'unresolved';
  readonly touches: readonly Touch[];
}

interface StoredHold {
  readonly state: HoldDoc['state'];
  readonly touches: readonly (readonly [BudgetId, EpochMs, BudgetUnit, string])[];
}

/** One document per open or unresolved call that touched a budget. */
export const holdsTable: Table<HoldDoc> = {
  schema: { name: 'holds', columns: {}, indexes: [] },
  encode: ({ state, touches }) => ({
    columns: {},
    rest: {
      state,
      touches: touches.map(({ budgetId, from, unit, amount }) => [budgetId, from, unit, String(amount)]),
    },
  }),
  decode: ({ rest }) => {
    const { state, touches } = rest as unknown as StoredHold;
    return {
      state,
      touches: touches.map(([budgetId, from, unit, amount]) => ({ budgetId, from, unit, amount: BigInt(amount) })),
    };
  },
};
