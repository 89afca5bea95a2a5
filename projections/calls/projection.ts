import type { DecodedEvent } from '#kernel';
import type { LedgerEvent, LedgerEventOf } from '#ledger';
import { type Fold, type Projection, projection, put } from '#read-store';
import { ledgerEvents } from '../sources';
import { type CallEvent, countedRefusals, evolveCall } from './evolve';
import { callsTable } from './table';

type FoldedEvent = CallEvent | LedgerEventOf<'RefusalsCounted'>;

const TYPES: ReadonlySet<LedgerEvent['type']> = new Set<FoldedEvent['type']>([
  'InferenceAuthorized',
  'InferenceCompleted',
  'InferenceFailed',
  'InferenceReleased',
  'InferenceUnresolved',
  'InferenceResolved',
  'InferenceCorrected',
  'InferenceRefused',
  'RefusalsCounted',
]);

function callIdsOf({ data }: FoldedEvent): readonly string[] {
  return 'callIds' in data ? data.callIds : [data.callId];
}

const fold: Fold<LedgerEvent> = {
  source: ledgerEvents,
  types: TYPES,
  touches: ({ event }) => callIdsOf(event as FoldedEvent).map((id) => ({ table: callsTable, id })),
  evolve: (event, documents) => {
    if (event.event.type === 'RefusalsCounted')
      return (
        countedRefusals(event as DecodedEvent<LedgerEventOf<'RefusalsCounted'>>)
          // A call that has a record of its own is described better there.
          .filter(({ callId }) => documents.get(callsTable, callId) === undefined)
          .map((call) => put(callsTable, call.callId, call))
      );
    const callEvent = event as DecodedEvent<CallEvent>;
    const { callId } = callEvent.event.data;
    return [put(callsTable, callId, evolveCall(documents.get(callsTable, callId), callEvent))];
  },
};

export const CALLS_VIEW = 'calls';
export const callsProjection: Projection = projection(CALLS_VIEW, 4, [callsTable], [fold]);
