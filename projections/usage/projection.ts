import type { DecodedEvent } from '#kernel';
import type { LedgerEvent } from '#ledger';
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
import { type Contribution, type PendingCall, pendingTable } from './contribution';
import { evolveRow, evolveTotal, type UsageEvent, usageChange } from './evolve';
import {
  GRAIN_MS,
  GRAINS,
  type Grain,
  grainTables,
  rowId,
  scopesOf,
  TOTALLED_GRAINS,
  type TotalledGrain,
  totalId,
  totalsTables,
  type UsageRow,
  type UsageTotal,
} from './tables';

const TYPES: ReadonlySet<LedgerEvent['type']> = new Set<UsageEvent['type']>([
  'InferenceCompleted',
  'InferenceFailed',
  'InferenceReleased',
  'InferenceUnresolved',
  'InferenceResolved',
  'InferenceCorrected',
  'InferenceRefused',
  'RefusalsCounted',
]);

/** The call that an event may find unresolved. */
function pendingId({ event }: DecodedEvent<UsageEvent>): string | undefined {
  if (event.type === 'InferenceResolved') return event.data.callId;
  return event.type === 'InferenceCompleted' && event.data.late ? event.data.callId : undefined;
}

interface RowRef {
  readonly grain: Grain;
  readonly bucket: number;
  readonly id: string;
}

interface TotalRef {
  readonly id: string;
  readonly of: Pick<UsageTotal, 'orgId' | 'scope' | 'bucket'>;
}

interface PlannedContribution {
  readonly contribution: Contribution;
  readonly sign: 1 | -1;
  readonly rows: readonly RowRef[];
  readonly totals: Readonly<Record<TotalledGrain, readonly TotalRef[]>>;
}

/** What an event does, worked out to the rows. */
interface Plan {
  readonly contributions: readonly PlannedContribution[];
  readonly pending?: PendingCall | null;
}

function planned(contribution: Contribution, sign: 1 | -1): PlannedContribution {
  const { slot, at } = contribution;
  const bucketIn = (grain: Grain) => at - (at % GRAIN_MS[grain]);
  const rows = GRAINS.map((grain) => ({ grain, bucket: bucketIn(grain), id: rowId(slot, bucketIn(grain)) }));
  const { orgId } = slot;
  const scopes = scopesOf(slot);
  const totalsIn = (grain: TotalledGrain) => {
    const bucket = bucketIn(grain);
    return scopes.map((scope) => ({ id: totalId(orgId, scope, bucket), of: { orgId, scope, bucket } }));
  };
  const totals = { quarters: totalsIn('quarters'), hours: totalsIn('hours') };
  return { contribution, sign, rows, totals };
}

/**
 * Plans that depend on nothing but their event. The host asks for each three times: for what a batch touches, for what
 * the event touches, and to evolve, after which it is forgotten. Working one out costs as much as folding it.
 */
const plans = new Map<DecodedEvent<UsageEvent>, Plan>();
/** Far more than a batch holds; events that were never folded are forgotten here. */
const PLANS_MAX = 5_000;

function planOf(event: DecodedEvent<UsageEvent>, documents: Documents): Plan {
  const known = plans.get(event);
  if (known !== undefined) return known;
  const id = pendingId(event);
  const change = usageChange(event, id === undefined ? undefined : documents.get(pendingTable, id));
  const plan: Plan = {
    contributions: [
      ...change.removed.map((contribution) => planned(contribution, -1)),
      ...change.added.map((contribution) => planned(contribution, 1)),
    ],
    ...(change.pending === undefined ? {} : { pending: change.pending }),
  };
  if (id !== undefined) return plan;
  if (plans.size >= PLANS_MAX) plans.clear();
  plans.set(event, plan);
  return plan;
}

function callIdOf({ event }: DecodedEvent<UsageEvent>): string | undefined {
  return 'callId' in event.data ? event.data.callId : undefined;
}

function touches(event: DecodedEvent<UsageEvent>, documents: Documents): readonly DocumentRef[] {
  const { contributions, pending } = planOf(event, documents);
  const remembered = pendingId(event) ?? (pending === undefined ? undefined : callIdOf(event));
  return [
    ...(remembered === undefined ? [] : [{ table: pendingTable, id: remembered }]),
    ...contributions.flatMap(({ rows, totals }) => [
      ...rows.map(({ grain, id }) => ({ table: grainTables[grain], id })),
      ...totals.quarters.map(({ id }) => ({ table: totalsTables.quarters, id })),
      ...totals.hours.map(({ id }) => ({ table: totalsTables.hours, id })),
    ]),
  ];
}

function totalChanges(contributions: readonly PlannedContribution[], documents: Documents): readonly Change[] {
  return TOTALLED_GRAINS.flatMap((grain) => {
    const table = totalsTables[grain];
    const after = new Map<string, UsageTotal | undefined>();
    for (const { contribution, sign, totals } of contributions)
      for (const { id, of } of totals[grain]) {
        const before = after.has(id) ? after.get(id) : documents.get(table, id);
        after.set(id, evolveTotal(before, of, contribution, sign));
      }
    return [...after].map(([id, total]) => (total === undefined ? remove(table, id) : put(table, id, total)));
  });
}

function evolve(event: DecodedEvent<UsageEvent>, documents: Documents): readonly Change[] {
  const { contributions, pending } = planOf(event, documents);
  plans.delete(event);
  // A quarter and the hour that it begins have the same start, so the same id: the grain tells them apart.
  const after = new Map<string, { readonly ref: RowRef; readonly row: UsageRow | undefined }>();
  for (const { contribution, sign, rows } of contributions)
    for (const ref of rows) {
      const key = `${ref.grain} ${ref.id}`;
      const before = after.has(key) ? after.get(key)?.row : documents.get(grainTables[ref.grain], ref.id);
      after.set(key, { ref, row: evolveRow(before, ref.bucket, contribution, sign) });
    }
  const changes = [
    ...[...after.values()].map(({ ref: { grain, id }, row }) =>
      row === undefined ? remove(grainTables[grain], id) : put(grainTables[grain], id, row),
    ),
    ...totalChanges(contributions, documents),
  ];
  const callId = callIdOf(event);
  if (pending === undefined || callId === undefined) return changes;
  return [...changes, pending === null ? remove(pendingTable, callId) : put(pendingTable, callId, pending)];
}

const fold: Fold<LedgerEvent> = {
  source: ledgerEvents,
  types: TYPES,
  touches: (event, documents) => touches(event as DecodedEvent<UsageEvent>, documents),
  evolve: (event, documents) => evolve(event as DecodedEvent<UsageEvent>, documents),
};

export const USAGE_VIEW = 'usage';
export const usageProjection: Projection = projection(
  USAGE_VIEW,
  4,
  [...Object.values(grainTables), ...Object.values(totalsTables), pendingTable],
  [fold],
);
