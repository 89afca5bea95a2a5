import type { DecodedEvent } from '#kernel';
import type { LedgerEvent, LedgerEventOf } from '#ledger';
import {
  type Change,
  type DocumentRef,
  type Documents,
  type Fold,
  type Projection,
  projection,
  put,
  remove,
} from '#read-store';
import { ledgerEvents } from '../sources';
import {
  announced,
  type DefinitionEvent,
  evolveBudget,
  type HoldEvent,
  holdChange,
  moved,
  openedPeriod,
  type PeriodEvent,
} from './evolve';
import { budgetsTable, holdsTable, type PeriodDoc, periodId, periodsTable } from './tables';

type CorrectionEvent = LedgerEventOf<'InferenceCorrected'>;
type FoldedEvent = DefinitionEvent | PeriodEvent | HoldEvent | CorrectionEvent;

const TYPES: ReadonlySet<LedgerEvent['type']> = new Set<FoldedEvent['type']>([
  'BudgetDefined',
  'BudgetChanged',
  'BudgetEnded',
  'BudgetPeriodOpened',
  'BudgetThresholdReached',
  'BudgetExceeded',
  'InferenceAuthorized',
  'InferenceCompleted',
  'InferenceFailed',
  'InferenceReleased',
  'InferenceUnresolved',
  'InferenceResolved',
  'InferenceCorrected',
]);

function touches({ event }: DecodedEvent<FoldedEvent>, documents: Documents): readonly DocumentRef[] {
  switch (event.type) {
    case 'BudgetDefined':
    case 'BudgetEnded':
      return [{ table: budgetsTable, id: event.data.budgetId }];
    case 'BudgetChanged': {
      const { budgetId } = event.data;
      const from = documents.get(budgetsTable, budgetId)?.currentFrom;
      const period = from === undefined ? [] : [{ table: periodsTable, id: periodId(budgetId, from) }];
      return [{ table: budgetsTable, id: budgetId }, ...period];
    }
    case 'BudgetPeriodOpened':
    case 'BudgetThresholdReached':
    case 'BudgetExceeded': {
      const { budgetId, from } = event.data;
      return [
        { table: budgetsTable, id: budgetId },
        { table: periodsTable, id: periodId(budgetId, from) },
      ];
    }
    case 'InferenceCorrected':
      return event.data.adjustments.map(({ budgetId, from }) => ({
        table: periodsTable,
        id: periodId(budgetId, from),
      }));
    default: {
      const { callId } = event.data;
      const change = holdChange(event, documents.get(holdsTable, callId));
      const periods = (change?.movements ?? []).map(({ touch }) => ({
        table: periodsTable,
        id: periodId(touch.budgetId, touch.from),
      }));
      return [{ table: holdsTable, id: callId }, ...periods];
    }
  }
}

function definitionChanges(event: DecodedEvent<DefinitionEvent>, documents: Documents): readonly Change[] {
  const { budgetId } = event.event.data;
  const budget = evolveBudget(documents.get(budgetsTable, budgetId), event);
  if (budget === undefined) return [];
  const change = put(budgetsTable, budgetId, budget);
  if (event.event.type !== 'BudgetChanged' || budget.currentFrom === undefined) return [change];
  const id = periodId(budgetId, budget.currentFrom);
  const period = documents.get(periodsTable, id);
  return period === undefined ? [change] : [change, put(periodsTable, id, { ...period, limit: budget.limit })];
}

function periodChanges(event: DecodedEvent<PeriodEvent>, documents: Documents): readonly Change[] {
  const change = event.event;
  const { budgetId, from } = change.data;
  const id = periodId(budgetId, from);
  if (change.type === 'BudgetPeriodOpened') {
    const budget = documents.get(budgetsTable, budgetId);
    if (budget === undefined) return [];
    return [
      put(budgetsTable, budgetId, { ...budget, currentFrom: from }),
      put(periodsTable, id, openedPeriod(change, budget)),
    ];
  }
  const period = documents.get(periodsTable, id);
  return period === undefined
    ? []
    : [put(periodsTable, id, announced(period, event as Parameters<typeof announced>[1]))];
}

function holdChanges(event: HoldEvent, documents: Documents): readonly Change[] {
  const { callId } = event.data;
  const change = holdChange(event, documents.get(holdsTable, callId));
  if (change === undefined) return [];
  const periods = new Map<string, PeriodDoc>();
  for (const movement of change.movements) {
    const id = periodId(movement.touch.budgetId, movement.touch.from);
    const period = periods.get(id) ?? documents.get(periodsTable, id);
    if (period !== undefined) periods.set(id, moved(period, movement));
  }
  const hold = change.hold === undefined ? remove(holdsTable, callId) : put(holdsTable, callId, change.hold);
  return [hold, ...[...periods].map(([id, period]) => put(periodsTable, id, period))];
}

/** Of a period that ended long ago, too: what it counts stays right for ever. */
function correctionChanges({ data }: CorrectionEvent, documents: Documents): readonly Change[] {
  return data.adjustments.flatMap((touch) => {
    const id = periodId(touch.budgetId, touch.from);
    const period = documents.get(periodsTable, id);
    if (period === undefined) return [];
    return [put(periodsTable, id, moved(period, { touch, settled: touch.amount, held: 0n, unresolved: 0n }))];
  });
}

function evolve(event: DecodedEvent<FoldedEvent>, documents: Documents): readonly Change[] {
  switch (event.event.type) {
    case 'BudgetDefined':
    case 'BudgetChanged':
    case 'BudgetEnded':
      return definitionChanges(event as DecodedEvent<DefinitionEvent>, documents);
    case 'BudgetPeriodOpened':
    case 'BudgetThresholdReached':
    case 'BudgetExceeded':
      return periodChanges(event as DecodedEvent<PeriodEvent>, documents);
    case 'InferenceCorrected':
      return correctionChanges(event.event, documents);
    default:
      return holdChanges(event.event, documents);
  }
}

const fold: Fold<LedgerEvent> = {
  source: ledgerEvents,
  types: TYPES,
  touches: (event, documents) => touches(event as DecodedEvent<FoldedEvent>, documents),
  evolve: (event, documents) => evolve(event as DecodedEvent<FoldedEvent>, documents),
};

export const BUDGETS_VIEW = 'budgets';
export const budgetsProjection: Projection = projection(
  BUDGETS_VIEW,
  2,
  [budgetsTable, periodsTable, holdsTable],
  [fold],
);
