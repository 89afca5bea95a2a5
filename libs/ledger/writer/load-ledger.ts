import type { EventStore } from '#event-store';
import type { OrganizationId, StoredEvent } from '#kernel';
import { CarryCollector } from '../carry';
import { ledgerCodec } from '../events';
import { evolve, type LedgerFact } from '../evolve';
import { initialLedgerState, type LedgerState } from '../state';
import { ledgerStream } from '../stream';

export interface LoadedLedger {
  readonly state: LedgerState;
  readonly revision: bigint | 'no-stream';
  readonly position: bigint;
  /** Events since the newest usable carry set. */
  readonly uncarriedEvents: number;
}

/** Past this many events without a usable carry set, folding from the beginning needs less memory. */
const CARRY_SEARCH_EVENTS_MAX = 20_000;

/** A ledger with an event of a type that this program does not know cannot be decided on: deciding could overspend. */
export class UnknownLedgerEventError extends Error {
  override readonly name = 'UnknownLedgerEventError';
}

export function ledgerFact(stored: StoredEvent): LedgerFact {
  const decoded = ledgerCodec.decode(stored);
  if (decoded === undefined)
    throw new UnknownLedgerEventError(
      `${stored.stream}@${stored.revision} is a ${stored.type}, which this version does not know; run a newer one`,
    );
  return { id: decoded.id, event: decoded.event, at: decoded.metadata.at };
}

/** Reads back to the newest whole carry set and applies what follows it; folds everything where there is none. */
export async function loadLedger(store: EventStore, orgId: OrganizationId): Promise<LoadedLedger> {
  const stream = ledgerStream(orgId);
  const collector = new CarryCollector();
  const tail: StoredEvent[] = [];
  let carried: { readonly state: LedgerState; readonly upTo: bigint } | undefined;
  for await (const stored of store.readStream(stream, { direction: 'backwards' })) {
    if (carried !== undefined && stored.revision <= carried.upTo) break;
    tail.push(stored);
    if (carried !== undefined || stored.type !== 'CarryRecorded') {
      if (carried === undefined && tail.length > CARRY_SEARCH_EVENTS_MAX) return foldAll(store, orgId);
      continue;
    }
    const { event } = ledgerFact(stored);
    if (event.type === 'CarryRecorded') carried = collector.add(event);
  }
  const newest = tail[0];
  if (newest === undefined)
    return { state: initialLedgerState, revision: 'no-stream', position: 0n, uncarriedEvents: 0 };
  const upTo = carried?.upTo ?? -1n;
  const following = tail.reverse().filter(({ revision }) => revision > upTo);
  const state = following.reduce(
    (folded, stored) => (stored.type === 'CarryRecorded' ? folded : evolve(folded, ledgerFact(stored))),
    carried?.state ?? initialLedgerState,
  );
  return { state, revision: newest.revision, position: newest.position, uncarriedEvents: following.length };
}

/** Folds a ledger from its first event; what every carry must equal. */
export async function foldAll(store: EventStore, orgId: OrganizationId): Promise<LoadedLedger> {
  let loaded: LoadedLedger = { state: initialLedgerState, revision: 'no-stream', position: 0n, uncarriedEvents: 0 };
  for await (const stored of store.readStream(ledgerStream(orgId))) {
    loaded = {
      state: stored.type === 'CarryRecorded' ? loaded.state : evolve(loaded.state, ledgerFact(stored)),
      revision: stored.revision,
      position: stored.position,
      uncarriedEvents: loaded.uncarriedEvents + 1,
    };
  }
  return loaded;
}
