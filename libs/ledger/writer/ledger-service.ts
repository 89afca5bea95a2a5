import type { EventStore } from '#event-store';
import type { Clock, EpochMs, OrganizationId } from '#kernel';
import type { LedgerCommand } from '../commands';
import { ledgerTime } from '../decide';
import type { LedgerState } from '../state';
import { LEDGER_STREAM_PREFIX, parseLedgerStream } from '../stream';
import { LedgerWriter } from './ledger-writer';
import type { ForwardedCommand, ForwardedOutcome } from './peers';
import type { LedgerRuntime } from './runtime';
import { SteadyClock } from './steady-clock';
import {
  type CommandMetadata,
  DEFAULT_WRITER_SETTINGS,
  type LedgerOutcome,
  type LedgerWriterSettings,
  RECORD_AHEAD_MS_MAX,
  RecordInFutureError,
  type SubmitOptions,
  SYSTEM_METADATA,
} from './types';

export interface LedgerServiceOptions extends Omit<LedgerRuntime, 'settings'> {
  readonly settings?: Partial<LedgerWriterSettings>;
  /** Warm ledgers; beyond this the least recently used idle ones are forgotten. */
  readonly warmLedgersMax?: number;
}

const WARM_LEDGERS_MAX = 10_000;
const TICK_MS = 1_000;

/** All ledgers of this process: one writer each, warm while used. */
export class LedgerService {
  private readonly writers = new Map<OrganizationId, LedgerWriter>();
  private readonly runtime: LedgerRuntime;
  private readonly wall: Clock;
  private readonly warmLedgersMax: number;
  /** Ledgers that are no longer warm, and when the policy resolves the next call in each; one entry per organization. */
  private readonly asleepUntil = new Map<OrganizationId, number>();
  private cancelTick: (() => void) | undefined;

  constructor(
    private readonly store: EventStore,
    options: LedgerServiceOptions,
  ) {
    const { settings, warmLedgersMax, ...runtime } = options;
    const clock = new SteadyClock(runtime.clock);
    this.runtime = { ...runtime, clock, settings: { ...DEFAULT_WRITER_SETTINGS, ...settings } };
    this.wall = runtime.clock;
    this.warmLedgersMax = warmLedgersMax ?? WARM_LEDGERS_MAX;
  }

  /**
   * For the only writer: looks through every ledger for holds whose owner is dead and ends them, before the first call is
   * admitted, so that no budget is blocked by a call that nobody will settle. Where several gateways write, `watch` is
   * enough, and ledgers are swept when an owner has died.
   * @param acceptedUntil Of a ledger whose newest event is far ahead, but not later than this, it is known that a wrong
   *   clock wrote it: its time is corrected, on record.
   * @returns how many holds were found orphaned.
   * @throws RecordInFutureError when another ledger is far ahead of this machine's clock.
   */
  async start(acceptedUntil?: EpochMs): Promise<number> {
    let orphans = 0;
    for await (const stream of this.store.streamNames(LEDGER_STREAM_PREFIX)) {
      const orgId = parseLedgerStream(stream);
      if (orgId === undefined) continue;
      await this.correctTime(orgId, acceptedUntil);
      const { time } = await this.read(orgId);
      if (time - this.wall.now() > RECORD_AHEAD_MS_MAX) throw new RecordInFutureError(stream, time, this.wall.now());
      orphans += await this.sweepOrphans([orgId]);
    }
    this.watch();
    return orphans;
  }

  /** Begins to end holds whose deadline has passed, and to write down counted refusals. */
  watch(): void {
    this.cancelTick?.();
    this.scheduleTick();
  }

  /**
   * Takes a ledger's time back to this machine's clock, by an event, where it is far ahead, and where it is known that
   * what is recorded up to this moment was written by a wrong clock.
   */
  async correctTime(orgId: OrganizationId, acceptedUntil: EpochMs | undefined): Promise<void> {
    if (acceptedUntil === undefined) return;
    const { time } = await this.read(orgId);
    const to = this.wall.now();
    if (time - to <= RECORD_AHEAD_MS_MAX || time > acceptedUntil) return;
    await this.submit(orgId, { type: 'CorrectTime', from: time, to }, SYSTEM_METADATA);
  }

  /** How far the warm ledger that is furthest ahead of this machine's clock is ahead, in ms; 0 when none is. */
  get aheadMs(): number {
    const now = this.wall.now();
    let aheadMs = 0;
    for (const { knownState } of this.writers.values())
      if (knownState !== undefined) aheadMs = Math.max(aheadMs, knownState.time - now);
    return aheadMs;
  }

  /**
   * Looks through ledgers, cold ones too, for holds whose owner is dead, and ends them.
   * @returns how many were found.
   */
  async sweepOrphans(orgIds: Iterable<OrganizationId>): Promise<number> {
    let orphans = 0;
    for (const orgId of orgIds) {
      const state = await this.read(orgId);
      const dead = [...state.holds].filter(([, { call }]) => !this.runtime.isOwnerAlive(call.owner));
      orphans += dead.length;
      await Promise.all(
        dead.map(([callId]) =>
          this.submit(orgId, { type: 'ExpireCall', callId, cause: 'owner-dead' }, SYSTEM_METADATA),
        ),
      );
    }
    return orphans;
  }

  /** Records commands of another gateway that lost too many rounds against this one. */
  takeForwarded(
    orgId: OrganizationId,
    commands: readonly ForwardedCommand[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const writer = this.writer(orgId);
    this.runtime.onContention?.('taken-from-peer', commands.length);
    return Promise.all(commands.map((command) => writer.submitForPeer(command, timeoutMs)));
  }

  submit(
    orgId: OrganizationId,
    command: LedgerCommand,
    metadata: CommandMetadata,
    options?: SubmitOptions,
  ): Promise<LedgerOutcome> {
    return this.writer(orgId).submit(command, metadata, options);
  }

  /**
   * The ledger with everything that was recorded before this was called. @throws LedgerUnavailableError
   */
  read(orgId: OrganizationId): Promise<LedgerState> {
    return this.writer(orgId).read();
  }

  /** Ledger time, as far as this process knows it without reading: never earlier than its own clock. */
  timeOf(orgId: OrganizationId): EpochMs {
    const now = this.runtime.clock.now();
    const state = this.writers.get(orgId)?.knownState;
    return state === undefined ? now : ledgerTime(state, now);
  }

  /** Position of the newest event of this ledger that this process knows. */
  async position(orgId: OrganizationId): Promise<bigint> {
    const writer = this.writer(orgId);
    await writer.read();
    return writer.knownPosition;
  }

  get warmLedgers(): number {
    return this.writers.size;
  }

  /** Writes down what was only counted; to be called once no more calls are admitted. */
  async stop(): Promise<void> {
    this.cancelTick?.();
    this.cancelTick = undefined;
    await Promise.all([...this.writers.values()].map((writer) => writer.drain()));
  }

  private writer(orgId: OrganizationId): LedgerWriter {
    const existing = this.writers.get(orgId);
    const writer = existing ?? new LedgerWriter(orgId, this.store, this.runtime);
    if (this.writers.size < this.warmLedgersMax / 2 && existing !== undefined) return existing;
    // A map iterates in insertion order: setting it anew makes this one the most recently used.
    this.writers.delete(orgId);
    this.writers.set(orgId, writer);
    if (this.writers.size > this.warmLedgersMax) this.evictIdle(orgId);
    return writer;
  }

  /** The one that was just asked for stays: a writer outside of the map would miss the ticks that end its holds. */
  private evictIdle(kept: OrganizationId): void {
    for (const [orgId, writer] of this.writers) {
      if (this.writers.size <= this.warmLedgersMax) return;
      if (orgId === kept || !writer.isIdle) continue;
      this.writers.delete(orgId);
      if (writer.nextResolveAt < Number.POSITIVE_INFINITY) this.asleepUntil.set(orgId, writer.nextResolveAt);
    }
  }

  /** Loads ledgers in which a call is due: from then on their ticks resolve it. */
  private wakeLedgers(): void {
    const now = this.runtime.clock.now();
    for (const [orgId, until] of this.asleepUntil) {
      if (now < until) continue;
      this.asleepUntil.delete(orgId);
      // A failure is met again by the next sweep, by whoever reads the ledger, or by the next start.
      this.writer(orgId)
        .read()
        .catch(() => this.asleepUntil.set(orgId, until));
    }
  }

  private scheduleTick(): void {
    this.cancelTick = this.runtime.timers.after(TICK_MS, () => {
      for (const writer of this.writers.values()) writer.tick();
      this.wakeLedgers();
      this.scheduleTick();
    });
  }
}
