import { type EventStore, InvalidAppendError, StoreUnavailableError, WrongExpectedRevisionError } from '#event-store';
import type { BootId, EncodedEvent, EventId, OrganizationId, StoredEvent, StreamName } from '#kernel';
import { carrySet } from '../carry';
import { ledgerCodec } from '../events';
import { evolve, type LedgerFact } from '../evolve';
import type { LedgerState } from '../state';
import { ledgerStream } from '../stream';
import { ledgerFact, loadLedger } from './load-ledger';
import type { LedgerRuntime } from './runtime';
import { LedgerHistoryChangedError, LedgerUnavailableError, SYSTEM_METADATA } from './types';

/** How long a store that cannot be reached is left alone before it is tried again, at first and at last. */
export const RETRY_MS_MIN = 20;
export const RETRY_MS_MAX = 1_000;

/** How long an append that others cannot read yet is waited for, at first and at last, before the batch is in doubt. */
const UNSEEN_MS_MIN = 2;
const UNSEEN_MS_MAX = 64;

/**
 * So many events of others are taken in at once. Whoever is further behind reads from the newest carry instead, which is
 * quicker, and needs no more memory the longer a ledger was left alone. No batch has as many: in doubt, it is looked for
 * among the first of them.
 */
const BEHIND_EVENTS_MAX = 5_000;

/** Carries are written so seldom that they stay below this part of the stream: 1 in 4 bytes. */
const BYTES_PER_CARRY_BYTE = 4;
/** An encoded carry part is smaller than this, whatever it escapes. */
const CARRY_PART_ENCODED_BYTES_MAX = 60_000;

type Revision = bigint | 'no-stream';

/** What a batch is decided against; appended with this very revision, whatever is read meanwhile. */
export interface KnownLedger {
  readonly state: LedgerState;
  readonly revision: Revision;
}

export type AppendFate =
  | { readonly kind: 'written'; readonly position: bigint }
  /** Somebody else appended first, and the warm state knows it: decide again. */
  | { readonly kind: 'lost'; readonly winner?: BootId }
  /** Nothing was written. */
  | { readonly kind: 'unavailable'; readonly error: LedgerUnavailableError };

/** What an event of another gateway says, carries aside, and where it stands. */
export interface RecordedFact extends LedgerFact {
  readonly position: bigint;
}

export interface RecordListener {
  loaded(state: LedgerState): void;
  /** Others have recorded these since the state was last known; the state has them now. */
  read(newer: readonly RecordedFact[]): void;
  /** Whether it must be told of every event, however many there are. */
  isLooking(): boolean;
}

/** What this process knows of one ledger's record: the newest state, and the revision that it is the fold of. */
export class LedgerRecord {
  private readonly stream: StreamName;
  private warm: LedgerState | undefined;
  private revision: Revision = 'no-stream';
  private newestPosition = 0n;
  private newestId: EventId | undefined;
  private uncarriedEvents = 0;
  private uncarriedBytes = 0;
  private carryBytes = 0;
  private inDoubt = false;
  private broken: LedgerHistoryChangedError | undefined;
  private loading: Promise<LedgerState> | undefined;
  /** Appends and catching up follow one another: each starts from what the one before has learned. */
  private turn: Promise<unknown> = Promise.resolve();
  private nextRefresh: Promise<LedgerState> | undefined;
  private knownAsOfMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly orgId: OrganizationId,
    private readonly store: EventStore,
    private readonly runtime: LedgerRuntime,
    private readonly listener: RecordListener,
  ) {
    this.stream = ledgerStream(orgId);
  }

  /** The warm state; `undefined` until it is first read. */
  get state(): LedgerState | undefined {
    return this.warm;
  }

  /** @throws LedgerUnavailableError until it is first read. */
  get known(): KnownLedger {
    const { warm: state, revision } = this;
    if (state === undefined) throw this.broken ?? new LedgerUnavailableError('the ledger has not been read yet');
    return { state, revision };
  }

  /** Position of the newest event that this process knows. */
  get position(): bigint {
    return this.newestPosition;
  }

  /** Whether a batch was sent whose outcome is not known. */
  get isInDoubt(): boolean {
    return this.inDoubt;
  }

  /** Whether the store no longer holds what was read from it. */
  get isBroken(): boolean {
    return this.broken !== undefined;
  }

  /** Monotonic time at which the warm state was certainly the newest. */
  get freshAsOfMs(): number {
    return this.knownAsOfMs;
  }

  /** The warm state, loaded first where need be, once however many ask. @throws LedgerUnavailableError */
  async read(): Promise<LedgerState> {
    if (this.broken !== undefined) throw this.broken;
    if (this.warm !== undefined) return this.warm;
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  /** The state with everything that others have recorded before this was called. @throws LedgerUnavailableError */
  refresh(): Promise<LedgerState> {
    this.nextRefresh ??= this.inTurn(() => {
      this.nextRefresh = undefined;
      return this.catchUp();
    });
    return this.nextRefresh;
  }

  /** Sends one frozen batch until its outcome is known; `after` is the state that it leads from `known` to. */
  append(
    encoded: readonly EncodedEvent[],
    { revision: expected }: KnownLedger,
    after: LedgerState,
  ): Promise<AppendFate> {
    return this.inTurn(async () => {
      // Others' events were read since it was decided: it would be decided against a state that is no longer the newest.
      if (this.revision !== expected) return { kind: 'lost' };
      let retryMs = RETRY_MS_MIN;
      try {
        for (;;) {
          const fate = await this.attempt(expected, encoded, after);
          if (fate !== 'in-doubt') return fate;
          this.inDoubt = true;
          await this.pause(retryMs);
          retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
        }
      } finally {
        this.inDoubt = false;
      }
    });
  }

  /** Writes the state down once enough has happened since it was last written. */
  async carryWhenDue(): Promise<void> {
    const { warm, revision } = this;
    if (warm === undefined || revision === 'no-stream') return;
    if (this.uncarriedEvents < this.runtime.settings.carryEveryEvents) return;
    if (this.uncarriedBytes < BYTES_PER_CARRY_BYTE * this.carryBytes) return;
    // A carry has the time of what it carries, so that reading or skipping it makes no difference to ledger time.
    const { peers } = this.runtime;
    const gateway = peers === undefined ? {} : { gateway: peers.self };
    const metadata = { ...SYSTEM_METADATA, orgId: this.orgId, at: warm.time, ...gateway };
    const parts = carrySet(warm, revision, this.runtime.newEventId()).map((event) =>
      ledgerCodec.encode({ id: this.runtime.newEventId(), event, metadata }),
    );
    const perAppend = Math.max(1, Math.floor(this.runtime.settings.batchBytesMax / CARRY_PART_ENCODED_BYTES_MAX));
    for (let start = 0; start < parts.length; start += perAppend) {
      // An incomplete set is ignored by every reader: losing a race here costs nothing.
      const { known } = this;
      if (known.state !== warm) break;
      if ((await this.append(parts.slice(start, start + perAppend), known, warm)).kind !== 'written') break;
    }
    this.carried(bytesOf(parts));
  }

  private carried(bytes: number): void {
    this.uncarriedEvents = 0;
    this.uncarriedBytes = 0;
    this.carryBytes = bytes;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work, work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async attempt(
    expected: Revision,
    encoded: readonly EncodedEvent[],
    after: LedgerState,
  ): Promise<AppendFate | 'in-doubt'> {
    const sentMs = this.runtime.clock.monotonicMs();
    try {
      const { revision, position } = await this.store.append(this.stream, expected, encoded);
      this.advance(after, revision, position, encoded);
      this.knownAsOfMs = sentMs;
      return { kind: 'written', position };
    } catch (error) {
      if (error instanceof WrongExpectedRevisionError) return this.afterConflict(encoded, error.actual);
      if (this.inDoubt) return 'in-doubt';
      const isUnwritten = error instanceof StoreUnavailableError || error instanceof InvalidAppendError;
      if (isUnwritten) return { kind: 'unavailable', error: unavailable(error) };
      // AppendOutcomeUnknownError, or one that the port does not know: then nobody can say that nothing was written.
      return 'in-doubt';
    }
  }

  /** Somebody appended first, or this very batch had landed: its own ids in the delta tell. */
  private async afterConflict(encoded: readonly EncodedEvent[], actual: Revision): Promise<AppendFate | 'in-doubt'> {
    const delta = await this.readUpTo(actual).catch((error: unknown) =>
      error instanceof LedgerHistoryChangedError ? error : undefined,
    );
    if (delta === undefined) return 'in-doubt';
    if (delta instanceof LedgerHistoryChangedError) return { kind: 'unavailable', error: delta };
    // Expecting too much is no conflict that reading could settle: the stream ends before what was read of it.
    if (delta.length === 0) return { kind: 'unavailable', error: this.historyChanged() };
    // All of them or none: a single one may have been given out before, and been recorded by a peer.
    const found = new Map<string, StoredEvent>(delta.map((stored) => [stored.id, stored]));
    const landed = encoded.every(({ id }) => found.has(id)) ? found.get(encoded.at(-1)?.id ?? '') : undefined;
    try {
      await this.read();
      await this.takeInAll(delta);
    } catch {
      // The next command reads the ledger anew, and its caller hears what cannot be read.
      this.warm = undefined;
    }
    if (landed !== undefined) return { kind: 'written', position: landed.position };
    const winner = delta.at(-1);
    const gateway = winner && gatewayOf(winner);
    return { kind: 'lost', ...(gateway === undefined ? {} : { winner: gateway }) };
  }

  /**
   * A server refuses because of an append before its readers see that one, most often by a few milliseconds: until they
   * do, whose it is cannot be told. `undefined` when it stays unseen.
   */
  private async readUpTo(actual: Revision): Promise<readonly StoredEvent[] | undefined> {
    for (let pauseMs = UNSEEN_MS_MIN; ; pauseMs *= 2) {
      const delta = await this.readDelta();
      if (delta.length === BEHIND_EVENTS_MAX || !isBefore(delta.at(-1)?.revision ?? this.revision, actual))
        return delta;
      if (pauseMs > UNSEEN_MS_MAX) return undefined;
      await this.pause(pauseMs);
    }
  }

  private async catchUp(): Promise<LedgerState> {
    await this.read();
    const askedMs = this.runtime.clock.monotonicMs();
    const delta = await this.readDelta().catch((error: unknown) => {
      throw unavailable(error);
    });
    try {
      await this.takeInAll(delta);
    } catch (error) {
      this.warm = undefined;
      throw unavailable(error);
    }
    this.knownAsOfMs = askedMs;
    return this.read();
  }

  /**
   * What the stream has beyond the warm state, up to BEHIND_EVENTS_MAX. Where others write too, the newest known event
   * is read again with it: a store that was restored to an older state would otherwise go unnoticed.
   */
  private async readDelta(): Promise<readonly StoredEvent[]> {
    const { revision, newestId } = this;
    if (revision === 'no-stream') return this.readFrom(0n, BEHIND_EVENTS_MAX);
    if (this.runtime.peers === undefined || newestId === undefined)
      return this.readFrom(revision + 1n, BEHIND_EVENTS_MAX);
    for (let pauseMs = UNSEEN_MS_MIN; ; pauseMs *= 2) {
      const [known, ...newer] = await this.readFrom(revision, BEHIND_EVENTS_MAX + 1);
      if (known?.id === newestId) return newer;
      // Another event is proof. None may be a server that has only just taken over and does not show its newest yet.
      if (known !== undefined || pauseMs > UNSEEN_MS_MAX) throw this.historyChanged();
      await this.pause(pauseMs);
    }
  }

  private async readFrom(from: bigint, eventsMax: number): Promise<readonly StoredEvent[]> {
    const read: StoredEvent[] = [];
    for await (const stored of this.store.readStream(this.stream, { from, eventsMax })) read.push(stored);
    return read;
  }

  private historyChanged(): LedgerHistoryChangedError {
    this.broken ??= new LedgerHistoryChangedError(this.stream);
    this.warm = undefined;
    this.runtime.onHistoryChanged?.(this.stream);
    return this.broken;
  }

  /** Takes in what others have recorded, and what comes after it where that is not all. */
  private async takeInAll(first: readonly StoredEvent[]): Promise<void> {
    let delta = first;
    for (; delta.length === BEHIND_EVENTS_MAX && this.listener.isLooking(); delta = await this.readDelta())
      this.takeIn(delta);
    if (delta.length < BEHIND_EVENTS_MAX) return this.takeIn(delta);
    this.warm = undefined;
    await this.read();
  }

  /** Folds what others have recorded; carries are no events of the domain. */
  private takeIn(delta: readonly StoredEvent[]): void {
    const newest = delta.at(-1);
    if (newest === undefined || this.warm === undefined) return;
    const facts = delta.flatMap((stored): RecordedFact | readonly [] =>
      stored.type === 'CarryRecorded' ? [] : { ...ledgerFact(stored), position: stored.position },
    );
    const state = facts.reduce(evolve, this.warm);
    this.advance(state, newest.revision, newest.position, delta);
    const carries = delta.filter(({ type }) => type === 'CarryRecorded');
    if (carries.length > 0) this.carried(bytesOf(carries));
    this.listener.read(facts);
  }

  private advance(state: LedgerState, revision: bigint, position: bigint, events: readonly EncodedEvent[]): void {
    this.warm = state;
    this.revision = revision;
    this.newestPosition = position;
    this.newestId = events.at(-1)?.id ?? this.newestId;
    this.uncarriedEvents += events.length;
    this.uncarriedBytes += bytesOf(events);
  }

  private async load(): Promise<LedgerState> {
    const askedMs = this.runtime.clock.monotonicMs();
    const loaded = await loadLedger(this.store, this.orgId).catch((error: unknown) => {
      throw unavailable(error);
    });
    this.warm = loaded.state;
    this.revision = loaded.revision;
    this.newestPosition = loaded.position;
    this.newestId = loaded.newestId;
    this.uncarriedEvents = loaded.uncarriedEvents;
    this.uncarriedBytes = loaded.uncarriedBytes;
    this.carryBytes = loaded.carryBytes;
    this.knownAsOfMs = askedMs;
    this.listener.loaded(loaded.state);
    return loaded.state;
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.runtime.timers.after(delayMs, resolve);
    });
  }
}

function isBefore(one: Revision, other: Revision): boolean {
  return other !== 'no-stream' && (one === 'no-stream' || one < other);
}

function bytesOf(events: readonly EncodedEvent[]): number {
  return events.reduce((sum, { body }) => sum + body.length, 0);
}

/** A hint only: whoever decides next reads the event itself, and its caller hears if that cannot be done. */
function gatewayOf(stored: StoredEvent): BootId | undefined {
  try {
    return ledgerCodec.decode(stored)?.metadata.gateway;
  } catch {
    return undefined;
  }
}

export function unavailable(error: unknown): LedgerUnavailableError {
  if (error instanceof LedgerUnavailableError) return error;
  return new LedgerUnavailableError('the record cannot be written or read now; try again', { cause: error });
}
