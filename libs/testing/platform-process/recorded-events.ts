import type { EventStoreReader } from '#event-store';
import type { DecodedEvent, OrganizationId, StoredEvent } from '#kernel';
import { evolve, initialLedgerState, type LedgerEvent, type LedgerState, ledgerCodec, ledgerStream } from '#ledger';

export type RecordedLedgerEvent = DecodedEvent<LedgerEvent>;

export type OpenRecord = () => Promise<EventStoreReader>;

/** Everything on record, whatever its stream. */
export async function readAllEvents(openRecord: OpenRecord): Promise<readonly StoredEvent[]> {
  const reader = await openRecord();
  try {
    const events: StoredEvent[] = [];
    for await (const event of reader.readAll()) events.push(event);
    return events;
  } finally {
    await reader.close();
  }
}

/** One organization's ledger as it is on record, beside the process that writes it or without one. */
export async function readLedger(
  openRecord: OpenRecord,
  orgId: OrganizationId,
): Promise<readonly RecordedLedgerEvent[]> {
  const reader = await openRecord();
  try {
    const events: RecordedLedgerEvent[] = [];
    for await (const stored of reader.readStream(ledgerStream(orgId))) {
      const event = ledgerCodec.decode(stored);
      if (event === undefined) throw new Error(`${stored.type} is no event of a ledger`);
      events.push(event);
    }
    return events;
  } finally {
    await reader.close();
  }
}

/** The state that the record proves: folded from its first event, without any carry. */
export function foldLedger(events: readonly RecordedLedgerEvent[]): LedgerState {
  return events.reduce<LedgerState>(
    (state, { id, event, metadata }) => evolve(state, { id, event, at: metadata.at }),
    initialLedgerState,
  );
}

/** Events of one call, in order. */
export function eventsOfCall(events: readonly RecordedLedgerEvent[], callId: string): readonly LedgerEvent[] {
  return events.map(({ event }) => event).filter(({ data }) => 'callId' in data && data.callId === callId);
}
