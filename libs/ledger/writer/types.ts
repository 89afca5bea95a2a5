import {
  type Actor,
  type EpochMs,
  type EventId,
  formatInstant,
  type RequestId,
  type StreamName,
  type SystemTokenId,
} from '#kernel';
import type { AuthorizeCall, LedgerCommand } from '../commands';
import type { LedgerEvent } from '../events';
import type { LedgerRefusal } from '../refusals';
import type { LedgerState } from '../state';

/** Timers, so that a simulation can own time. */
export interface Timers {
  /** Runs once the current turn's input has been taken in. */
  soon(run: () => void): void;
  /** Runs after a while; the answer cancels. */
  after(delayMs: number, run: () => void): () => void;
}

export interface CommandMetadata {
  readonly actor: Actor;
  /** The token that the command came with. */
  readonly tokenId?: SystemTokenId;
  readonly requestId?: RequestId;
  readonly correlationId?: string;
  readonly causationId?: string;
}

/** What the ledger itself does: ending orphaned holds, writing down counts and carries. */
export const SYSTEM_METADATA: CommandMetadata = { actor: { type: 'system', id: 'ledger' } };

export interface SubmitOptions {
  /** How long a call waits for other calls to free a slot, a budget or an Idempotency-Key, by refusal code. */
  readonly waitMs?: Partial<
    Record<'concurrency_limit_exceeded' | 'budget_contended' | 'idempotency_in_progress', number>
  >;
  /**
   * What a call that has waited is charged by, asked anew whenever it is decided again: prices may have been set
   * meanwhile. `undefined`: nothing better is known than what it came with.
   */
  readonly pricesNow?: () => Pick<AuthorizeCall, 'prices' | 'laterPrices'> | undefined;
  /** When the caller stops waiting for the record. Default: RECORD_WAIT_MS. */
  readonly timeoutMs?: number;
  /** The id that the decision's first event gets: assigned before, because answers have named it. */
  readonly firstEventId?: EventId;
}

export interface DecidedEvent {
  readonly id: EventId;
  readonly event: LedgerEvent;
}

/** What became of a command; given only once everything that it was decided behind is durable. */
export type LedgerOutcome =
  | {
      readonly ok: true;
      readonly events: readonly DecidedEvent[];
      /** The ledger right after this command; immutable, so it can be read at leisure. */
      readonly state: LedgerState;
      /** Position of the batch that recorded it, or of the ledger's newest batch where nothing was appended. */
      readonly position: bigint;
      /** For `RecordRefusal`: the event that records, or will count, the refusal. */
      readonly eventId?: EventId;
    }
  | {
      readonly ok: false;
      readonly refusal: LedgerRefusal;
      readonly state: LedgerState;
      /** The event that records (or will count) this refusal of a call. */
      readonly eventId?: EventId;
    };

/** The record cannot be written now, or whether it was written is in doubt; nothing may be dispatched. */
export class LedgerUnavailableError extends Error {
  override readonly name: string = 'LedgerUnavailableError';
}

/** The store no longer holds what was read from it: it was restored to an older state, or is another store. */
export class LedgerHistoryChangedError extends LedgerUnavailableError {
  override readonly name = 'LedgerHistoryChangedError';
  constructor(stream: StreamName) {
    super(
      `the event store no longer holds what this process has read of ${stream}: it was restored to an older state; nothing is admitted until this process is started again`,
    );
  }
}

/**
 * Nothing was recorded of a peer's command, which goes back to its own gateway: it would rather wait, or has come too
 * late, or this gateway loses every round itself.
 */
export class GivenBackError extends Error {
  override readonly name = 'GivenBackError';
}

/** How long a caller waits until a settlement or an authorization is durable. */
export const RECORD_WAIT_MS = 10_000;

/** How long a caller waits for the record, on top of what it is willing to wait for other calls. */
export function patienceMs({ waitMs }: SubmitOptions): number {
  return RECORD_WAIT_MS + Math.max(0, ...Object.values(waitMs ?? {}));
}

/** A record further ahead of this machine's clock than this means that one of the two clocks was wrong. */
export const RECORD_AHEAD_MS_MAX = 300_000;

/** Periods and deadlines follow the record's time, so a clock that lies far behind it must be set right first. */
export class RecordInFutureError extends Error {
  override readonly name = 'RecordInFutureError';
  constructor(stream: StreamName, newest: EpochMs, now: EpochMs) {
    const aheadSeconds = Math.round((newest - now) / 1_000);
    super(
      `the newest event of ${stream} is ${aheadSeconds} s ahead of this machine's clock; set the clock right and start again. If the clock is right, and was wrong when that was written, start once with AIAAS_ACCEPT_RECORD_TIME=${formatInstant(newest)}: the ledger's time is then corrected, on record`,
    );
  }
}

export interface LedgerWriterSettings {
  readonly queueCommandsMax: number;
  readonly queueCommandsPerKeyMax: number;
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
  readonly carryEveryEvents: number;
}

export const DEFAULT_WRITER_SETTINGS: LedgerWriterSettings = {
  queueCommandsMax: 20_000,
  queueCommandsPerKeyMax: 2_000,
  batchEventsMax: 1_000,
  batchBytesMax: 512_000,
  carryEveryEvents: 1_000,
};

/**
 * A peer's command is never forwarded again, and does not wait here: its own gateway decides it anew. After its deadline,
 * in ledger time, it is given back as well, unless it ends a call.
 */
export type CommandOrigin = { readonly from: 'own' } | { readonly from: 'peer'; readonly deadline: EpochMs };

export interface QueuedCommand {
  readonly command: LedgerCommand;
  readonly metadata: CommandMetadata;
  readonly options: SubmitOptions;
  readonly origin: CommandOrigin;
  /** Monotonic time of arrival. */
  readonly arrivedMs: number;
  settled: boolean;
  readonly resolve: (outcome: LedgerOutcome) => void;
  readonly reject: (reason: Error) => void;
}

/** A call that was refused for now and waits, at most so long, for others to end. */
export interface WaitingCommand {
  readonly item: QueuedCommand;
  /** Monotonic. */
  readonly untilMs: number;
}
