import type { EventStore } from '#event-store';
import type { EventId, OrganizationId, StoredEvent } from '#kernel';
import { CarryCollector } from '../carry';
import { ledgerCodec } from '../events';
import { evolve, type LedgerFact } from '../evolve';
import { initialLedgerState, type LedgerState } from '../state';
import { ledgerStream } from '../stream';

export interface LoadedLedger {
  readonly state: LedgerState;
  readonly revision: bigint | 'no-stream';
  readonly position: bigint;
  /** Of the newest event; tells later whether the stream is still the one that was read. */
  readonly newestId?: EventId;
  /** Events since the newest usable carry set, and the bytes of their bodies. */
  readonly uncarriedEvents: number;
  readonly uncarriedBytes: number;
  /** Bytes of that set; 0 where there is none. */
  readonly carryBytes: number;
}

const EMPTY_LEDGER: LoadedLedger = {
  state: initialLedgerState,
  revision: 'no-stream',
  position: 0n,
  uncarriedEvents: 0,
  uncarriedBytes: 0,
  carryBytes: 0,
};

/** As much of what was read backwards is kept to be folded; beyond it the events are read a second time, forwards. */
const KEPT_BYTES_MAX = 64_000_000;

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

/** Folds one more event; a carry is none of the domain's. */
function withStored(loaded: LoadedLedger, stored: StoredEvent): LoadedLedger {
  return {
    state: stored.type === 'CarryRecorded' ? loaded.state : evolve(loaded.state, ledgerFact(stored)),
    revision: stored.revision,
    position: stored.position,
    newestId: stored.id,
    uncarriedEvents: loaded.uncarriedEvents + 1,
    uncarriedBytes: loaded.uncarriedBytes + stored.body.length,
    carryBytes: loaded.carryBytes,
  };
}

interface Carried {
  readonly state: LedgerState;
  readonly upTo: bigint;
  readonly bytes: number;
}

interface ReadBack {
  readonly carried?: Carried;
  /** What follows the carried revision, newest first; `undefined` when it was too much to keep. */
  readonly following: readonly StoredEvent[] | undefined;
}

/** Reads backwards to the newest whole carry set, or to the beginning where there is none. */
async function readBack(store: EventStore, orgId: OrganizationId): Promise<ReadBack> {
  const collector = new CarryCollector();
  let carried: Carried | undefined;
  let following: StoredEvent[] | undefined = [];
  let keptBytes = 0;
  for await (const stored of store.readStream(ledgerStream(orgId), { direction: 'backwards' })) {
    if (carried !== undefined && stored.revision <= carried.upTo) break;
    keptBytes += stored.body.length;
    if (keptBytes > KEPT_BYTES_MAX) following = undefined;
    following?.push(stored);
    if (carried !== undefined || stored.type !== 'CarryRecorded') continue;
    const { event } = ledgerFact(stored);
    if (event.type === 'CarryRecorded') carried = collector.add(event);
  }
  return carried === undefined ? { following } : { carried, following };
}

/** Loads from the newest whole carry set and applies what follows it; folds everything where there is none. */
export async function loadLedger(store: EventStore, orgId: OrganizationId): Promise<LoadedLedger> {
  const { carried, following } = await readBack(store, orgId);
  const start: LoadedLedger =
    carried === undefined ? EMPTY_LEDGER : { ...EMPTY_LEDGER, state: carried.state, carryBytes: carried.bytes };
  if (following !== undefined) return following.reduceRight(withStored, start);
  return foldFrom(store, orgId, start, carried === undefined ? 0n : carried.upTo + 1n);
}

async function foldFrom(
  store: EventStore,
  orgId: OrganizationId,
  start: LoadedLedger,
  from: bigint,
): Promise<LoadedLedger> {
  let loaded = start;
  for await (const stored of store.readStream(ledgerStream(orgId), { from })) loaded = withStored(loaded, stored);
  return loaded;
}

/** Folds a ledger from its first event; what every carry must equal. */
export function foldAll(store: EventStore, orgId: OrganizationId): Promise<LoadedLedger> {
  return foldFrom(store, orgId, EMPTY_LEDGER, 0n);
}
