import { type EventStore, InvalidAppendError, StoreUnavailableError, WrongExpectedRevisionError } from '#event-store';
import type { EncodedEvent, OrganizationId, StoredEvent, StreamName } from '#kernel';
import { carrySet } from '../carry';
import { ledgerCodec } from '../events';
import { evolve } from '../evolve';
import type { LedgerState } from '../state';
import { ledgerStream } from '../stream';
import { ledgerFact, loadLedger } from './load-ledger';
import { type LedgerRuntime, LedgerUnavailableError, SYSTEM_METADATA } from './types';

const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1_000;

/** Carries are written so seldom that they stay below this part of the stream: 1 in 4 bytes. */
const BYTES_PER_CARRY_BYTE = 4;
/** An encoded carry part is smaller than this, whatever it escapes. */
const CARRY_PART_ENCODED_BYTES_MAX = 60_000;

export type AppendFate =
  | { readonly kind: 'written'; readonly position: bigint }
  /** Somebody else appended first, and the warm state knows it: decide again. */
  | { readonly kind: 'lost' }
  /** Nothing was written. */
  | { readonly kind: 'unavailable'; readonly error: LedgerUnavailableError };

/** What this process knows of one ledger's record: the newest state, and the revision that it is the fold of. */
export class LedgerRecord {
  private readonly stream: StreamName;
  private warm: LedgerState | undefined;
  private revision: bigint | 'no-stream' = 'no-stream';
  private newestPosition = 0n;
  private uncarriedEvents = 0;
  private uncarriedBytes = 0;
  private carryBytes = 0;
  private inDoubt = false;
  private loading: Promise<LedgerState> | undefined;

  constructor(
    private readonly orgId: OrganizationId,
    private readonly store: EventStore,
    private readonly runtime: LedgerRuntime,
    private readonly onLoaded: (state: LedgerState) => void,
  ) {
    this.stream = ledgerStream(orgId);
  }

  /** The warm state; `undefined` until it is first read. */
  get state(): LedgerState | undefined {
    return this.warm;
  }

  /** Position of the newest event that this process knows. */
  get position(): bigint {
    return this.newestPosition;
  }

  /** Whether a batch was sent whose outcome is not known. */
  get isInDoubt(): boolean {
    return this.inDoubt;
  }

  /** The warm state, loaded first where need be, once however many ask. @throws LedgerUnavailableError */
  async read(): Promise<LedgerState> {
    if (this.warm !== undefined) return this.warm;
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  /** Sends one frozen batch until its outcome is known; `after` is the state that it leads to. */
  async append(encoded: readonly EncodedEvent[], after: LedgerState): Promise<AppendFate> {
    let retryMs = RETRY_MS_MIN;
    try {
      for (;;) {
        const fate = await this.attempt(encoded, after);
        if (fate !== 'in-doubt') return fate;
        this.inDoubt = true;
        await this.pause(retryMs);
        retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
      }
    } finally {
      this.inDoubt = false;
    }
  }

  /** Writes the state down once enough has happened since it was last written. */
  async carryWhenDue(): Promise<void> {
    const { warm, revision } = this;
    if (warm === undefined || revision === 'no-stream') return;
    if (this.uncarriedEvents < this.runtime.settings.carryEveryEvents) return;
    if (this.uncarriedBytes < BYTES_PER_CARRY_BYTE * this.carryBytes) return;
    // A carry has the time of what it carries, so that reading or skipping it makes no difference to ledger time.
    const at = warm.time;
    const parts = carrySet(warm, revision, this.runtime.newEventId()).map((event) =>
      ledgerCodec.encode({
        id: this.runtime.newEventId(),
        event,
        metadata: { ...SYSTEM_METADATA, orgId: this.orgId, at },
      }),
    );
    const perAppend = Math.max(1, Math.floor(this.runtime.settings.batchBytesMax / CARRY_PART_ENCODED_BYTES_MAX));
    for (let start = 0; start < parts.length; start += perAppend) {
      // An incomplete set is ignored by every reader: losing a race here costs nothing.
      if ((await this.append(parts.slice(start, start + perAppend), warm)).kind !== 'written') break;
    }
    this.uncarriedEvents = 0;
    this.uncarriedBytes = 0;
    this.carryBytes = bytesOf(parts);
  }

  private async attempt(encoded: readonly EncodedEvent[], after: LedgerState): Promise<AppendFate | 'in-doubt'> {
    try {
      const { revision, position } = await this.store.append(this.stream, this.revision, encoded);
      this.advance(after, revision, position, encoded);
      return { kind: 'written', position };
    } catch (error) {
      if (error instanceof WrongExpectedRevisionError) return this.afterConflict(encoded);
      if (this.inDoubt) return 'in-doubt';
      const isUnwritten = error instanceof StoreUnavailableError || error instanceof InvalidAppendError;
      if (isUnwritten) return { kind: 'unavailable', error: unavailable(error) };
      // AppendOutcomeUnknownError, or one that the port does not know: then nobody can say that nothing was written.
      return 'in-doubt';
    }
  }

  /** Somebody appended first, or this very batch had landed: its own ids in the delta tell. */
  private async afterConflict(encoded: readonly EncodedEvent[]): Promise<AppendFate | 'in-doubt'> {
    const delta = await this.readDelta().catch(() => undefined);
    if (delta === undefined) return 'in-doubt';
    const own = new Set<string>(encoded.map(({ id }) => id));
    const landed = delta.findLast(({ id }) => own.has(id));
    const newest = delta.at(-1);
    try {
      const before = await this.read();
      const state = foldStored(before, delta);
      if (newest !== undefined) this.advance(state, newest.revision, newest.position, delta);
    } catch {
      // The next command reads the ledger anew, and its caller hears what cannot be read.
      this.warm = undefined;
    }
    return landed === undefined ? { kind: 'lost' } : { kind: 'written', position: landed.position };
  }

  private async readDelta(): Promise<readonly StoredEvent[]> {
    const delta: StoredEvent[] = [];
    const from = this.revision === 'no-stream' ? 0n : this.revision + 1n;
    for await (const stored of this.store.readStream(this.stream, { from })) delta.push(stored);
    return delta;
  }

  private advance(state: LedgerState, revision: bigint, position: bigint, events: readonly EncodedEvent[]): void {
    this.warm = state;
    this.revision = revision;
    this.newestPosition = position;
    this.uncarriedEvents += events.length;
    this.uncarriedBytes += bytesOf(events);
  }

  private async load(): Promise<LedgerState> {
    const loaded = await loadLedger(this.store, this.orgId).catch((error: unknown) => {
      throw unavailable(error);
    });
    this.warm = loaded.state;
    this.revision = loaded.revision;
    this.newestPosition = loaded.position;
    this.uncarriedEvents = loaded.uncarriedEvents;
    this.uncarriedBytes = loaded.uncarriedBytes;
    this.carryBytes = loaded.carryBytes;
    this.onLoaded(loaded.state);
    return loaded.state;
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.runtime.timers.after(delayMs, resolve);
    });
  }
}

function bytesOf(events: readonly EncodedEvent[]): number {
  return events.reduce((sum, { body }) => sum + body.length, 0);
}

/** Folds stored events; carries are no events of the domain. */
function foldStored(before: LedgerState, events: readonly StoredEvent[]): LedgerState {
  return events.reduce(
    (folded, stored) => (stored.type === 'CarryRecorded' ? folded : evolve(folded, ledgerFact(stored))),
    before,
  );
}

export function unavailable(error: unknown): LedgerUnavailableError {
  if (error instanceof LedgerUnavailableError) return error;
  return new LedgerUnavailableError('the record cannot be written or read now; try again', { cause: error });
}
