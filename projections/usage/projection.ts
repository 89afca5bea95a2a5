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
import { type Contribution, pendingTable } from './contribution';
import { evolveRow, type UsageEvent, usageChange } from './evolve';
import { GRAIN_MS, GRAINS, grainTables, rowId, type UsageRow } from './tables';

const TYPES: ReadonlySet<LedgerEvent['type']> = new Set<UsageEvent['type']>([
  'InferenceCompleted',
  'InferenceFailed',
  'InferenceReleased',
  'InferenceUnresolved',
  'InferenceResolved',
  'InferenceRefused',
  'RefusalsCounted',
]);

/** The call that an event may find unresolved. */
function pendingId({ event }: DecodedEvent<UsageEvent>): string | undefined {
  if (event.type === 'InferenceResolved') return event.data.callId;
  return event.type === 'InferenceCompleted' && event.data.late ? event.data.callId : undefined;
}

function changeOf(event: DecodedEvent<UsageEvent>, documents: Documents) {
  const id = pendingId(event);
  return usageChange(event, id === undefined ? undefined : documents.get(pendingTable, id));
}

interface RowRef {
  readonly grain: (typeof GRAINS)[number];
  readonly bucket: number;
  readonly id: string;
}

function rowsOf({ slot, at }: Contribution): readonly RowRef[] {
  return GRAINS.map((grain) => {
    const bucket = at - (at % GRAIN_MS[grain]);
    return { grain, bucket, id: rowId(slot, bucket) };
  });
}

function touches(event: DecodedEvent<UsageEvent>, documents: Documents): readonly DocumentRef[] {
  const { added, removed, pending } = changeOf(event, documents);
  const remembered =
    pendingId(event) ??
    (pending === undefined || !('callId' in event.event.data) ? undefined : event.event.data.callId);
  return [
    ...(remembered === undefined ? [] : [{ table: pendingTable, id: remembered }]),
    ...[...added, ...removed].flatMap((contribution) =>
      rowsOf(contribution).map(({ grain, id }) => ({ table: grainTables[grain], id })),
    ),
  ];
}

function evolve(event: DecodedEvent<UsageEvent>, documents: Documents): readonly Change[] {
  const { added, removed, pending } = changeOf(event, documents);
  const rows = new Map<string, { readonly grain: RowRef['grain']; readonly row: UsageRow | undefined }>();
  const apply = (contribution: Contribution, sign: 1 | -1) => {
    for (const { grain, bucket, id } of rowsOf(contribution)) {
      // A quarter and the hour it begins have the same start, so the same id: the grain tells them apart.
      const key = `${grain} ${id}`;
      const known = rows.get(key);
      const before = known === undefined ? documents.get(grainTables[grain], id) : known.row;
      rows.set(key, { grain, row: evolveRow(before, bucket, contribution, sign) });
    }
  };
  for (const contribution of removed) apply(contribution, -1);
  for (const contribution of added) apply(contribution, 1);
  const changes = [...rows].map(([key, { grain, row }]) => {
    const id = key.slice(grain.length + 1);
    return row === undefined ? remove(grainTables[grain], id) : put(grainTables[grain], id, row);
  });
  if (pending === undefined || !('callId' in event.event.data)) return changes;
  const { callId } = event.event.data;
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
  1,
  [...Object.values(grainTables), pendingTable],
  [fold],
);
