import {
  AppendOutcomeUnknownError,
  type EventStore,
  StoreUnavailableError,
  WrongExpectedRevisionError,
} from '#event-store';
import type { EncodedEvent, OrganizationId, StoredEvent, StreamName } from '#kernel';
import { carrySet } from '../carry';
import type { LedgerCommand } from '../commands';
import { ledgerTime } from '../decide';
import { ledgerCodec } from '../events';
import { evolve } from '../evolve';
import type { LedgerState } from '../state';
import { ledgerStream } from '../stream';
import { type Batch, type DecidedItem, decideBatch } from './batch';
import { CommandQueue, rankOf } from './command-queue';
import { ledgerFact, loadLedger } from './load-ledger';
import { RefusalCounter } from './refusal-counter';
import {
  type CommandMetadata,
  type LedgerOutcome,
  type LedgerRuntime,
  LedgerUnavailableError,
  type QueuedCommand,
  RECORD_WAIT_MS,
  type SubmitOptions,
} from './types';

const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1_000;

const SYSTEM: CommandMetadata = { actor: { type: 'system', id: 'ledger' } };

/** How long an ending is tried again for while the store cannot be reached; after that its hold's deadline decides. */
const ENDING_RETRY_MS_MAX = 600_000;

type AppendFate =
  | { readonly kind: 'written' }
  /** Written, as the record told after a conflict; the warm state was read anew. */
  | { readonly kind: 'landed' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'unavailable'; readonly error: LedgerUnavailableError };

/**
 * The one writer of a ledger in this process. Commands queue up while an append is in flight; the next flush decides
 * them all against the warm state and appends one batch with the expected revision. Correctness never depends on being
 * the only writer: a lost revision re-reads and re-decides.
 */
export class LedgerWriter {
  private readonly stream: StreamName;
  private readonly queue: CommandQueue;
  private readonly refusals: RefusalCounter;
  private state: LedgerState | undefined;
  private revision: bigint | 'no-stream' = 'no-stream';
  private position = 0n;
  private uncarriedEvents = 0;
  private isFlushing = false;
  private isInDoubt = false;
  private loading: Promise<LedgerState> | undefined;
  private retryMs = RETRY_MS_MIN;
  private cancelWake: (() => void) | undefined;

  constructor(
    private readonly orgId: OrganizationId,
    private readonly store: EventStore,
    private readonly runtime: LedgerRuntime,
  ) {
    this.stream = ledgerStream(orgId);
    this.queue = new CommandQueue(runtime.settings);
    this.refusals = new RefusalCounter(runtime.newEventId);
  }

  /** Whether forgetting the warm state would lose nothing but time. */
  get isIdle(): boolean {
    return !this.isFlushing && this.queue.size === 0 && this.refusals.isEmpty && (this.state?.holds.size ?? 0) === 0;
  }

  /** The warm state, loaded first where need be. */
  async read(): Promise<LedgerState> {
    return this.state ?? this.load();
  }

  /** Position of the newest batch that this writer knows. */
  get knownPosition(): bigint {
    return this.position;
  }

  /**
   * Resolves once the command's events are durable, or with a refusal.
   * @throws LedgerUnavailableError when the record cannot be written in time, or the queue is full.
   */
  submit(command: LedgerCommand, metadata: CommandMetadata, options: SubmitOptions = {}): Promise<LedgerOutcome> {
    return new Promise((resolve, reject) => {
      const item: QueuedCommand = {
        command,
        metadata,
        options,
        arrivedMs: this.runtime.clock.monotonicMs(),
        settled: false,
        resolve: (outcome) => settle(() => resolve(outcome)),
        reject: (reason) => settle(() => reject(reason)),
      };
      const cancelTimeout = this.runtime.timers.after(options.timeoutMs ?? this.patience(options), () =>
        item.reject(new LedgerUnavailableError('the record could not be written in time')),
      );
      const settle = (answer: () => void) => {
        if (item.settled) return;
        item.settled = true;
        cancelTimeout();
        answer();
      };
      if (this.isInDoubt && command.type === 'AuthorizeCall')
        return item.reject(new LedgerUnavailableError('it is in doubt whether the last batch was recorded; try again'));
      if (!this.queue.offer(item))
        return item.reject(new LedgerUnavailableError('too many calls wait for this ledger; try again'));
      this.wake();
    });
  }

  /** Ends holds that nobody else can end any more, and writes down refusals whose window is over. */
  tick(): void {
    const now = this.runtime.clock.now();
    for (const { eventId, command } of this.refusals.take(now)) this.submitOwn(command, { firstEventId: eventId });
    if (this.state === undefined) return;
    const at = ledgerTime(this.state, now);
    for (const [callId, { call }] of this.state.holds)
      if (at >= call.deadline) this.submitOwn({ type: 'ExpireCall', callId, cause: 'deadline' });
  }

  /** Writes down all counted refusals; resolves when nothing is queued any more. */
  async drain(): Promise<void> {
    const counts = this.refusals.take('all');
    await Promise.allSettled(
      counts.map(({ eventId, command }) => this.submit(command, SYSTEM, { firstEventId: eventId })),
    );
  }

  private patience({ waitMs }: SubmitOptions): number {
    return RECORD_WAIT_MS + Math.max(0, ...Object.values(waitMs ?? {}));
  }

  private submitOwn(command: LedgerCommand, options: SubmitOptions = {}): void {
    // Nobody waits for it: a failure here is met again by the next tick, or by the next process.
    this.submit(command, SYSTEM, options).catch(() => undefined);
  }

  private wake(): void {
    if (this.isFlushing) return;
    this.isFlushing = true;
    this.cancelWake?.();
    this.cancelWake = undefined;
    this.runtime.timers.soon(() => {
      this.flushAll()
        .then(
          (isHealthy) => {
            if (isHealthy) this.retryMs = RETRY_MS_MIN;
          },
          (error: unknown) => this.postpone(this.queue.takeAll(), unavailable(error)),
        )
        .finally(() => {
          this.isFlushing = false;
          this.scheduleNext();
        });
    });
  }

  /** Whether the store could be reached. */
  private async flushAll(): Promise<boolean> {
    await this.read();
    while (this.queue.ready > 0 || this.hasDueWaiting()) {
      const batch = decideBatch(this.orgId, this.runtime, await this.read(), this.queue.takeAll());
      this.queue.putBack(batch.leftOver, batch.waiting);
      if (batch.encoded.length === 0) this.answer(batch.decided);
      else if (!(await this.record(batch))) return false;
      await this.carryWhenDue();
    }
    return true;
  }

  /** Whether to go on; not while the store cannot be reached. */
  private async record(batch: Batch): Promise<boolean> {
    const items = batch.decided.map(({ item }) => item);
    let fate: AppendFate;
    try {
      fate = await this.append(batch.encoded);
    } catch (error) {
      fate = { kind: 'unavailable', error: unavailable(error) };
    }
    switch (fate.kind) {
      case 'written':
        this.state = batch.state;
        this.uncarriedEvents += batch.encoded.length;
        this.answer(batch.decided);
        return true;
      case 'landed':
        this.answer(batch.decided);
        return true;
      case 'lost':
        this.queue.putBack(items, []);
        return true;
      case 'unavailable':
        this.postpone(items, fate.error);
        return false;
    }
  }

  /** Nothing was written: calls and control are told so; endings stay, since nobody else can tell what happened. */
  private postpone(items: readonly QueuedCommand[], error: LedgerUnavailableError): void {
    const nowMs = this.runtime.clock.monotonicMs();
    const kept = items.filter(
      (item) => rankOf(item.command) === 'endings' && nowMs < item.arrivedMs + ENDING_RETRY_MS_MAX,
    );
    for (const item of items) if (!kept.includes(item)) item.reject(error);
    this.queue.putBack(kept, []);
    this.retryMs = Math.min(RETRY_MS_MAX, this.retryMs * 2);
  }

  /** Sends one frozen batch until its outcome is known. */
  private async append(encoded: readonly EncodedEvent[]): Promise<AppendFate> {
    let retryMs = RETRY_MS_MIN;
    try {
      for (;;) {
        try {
          const { revision, position } = await this.store.append(this.stream, this.revision, encoded);
          this.revision = revision;
          this.position = position;
          return { kind: 'written' };
        } catch (error) {
          if (error instanceof WrongExpectedRevisionError) return await this.afterConflict(encoded);
          const isUnknown = error instanceof AppendOutcomeUnknownError;
          if (!isUnknown && !(error instanceof StoreUnavailableError)) throw error;
          if (!isUnknown && !this.isInDoubt) return { kind: 'unavailable', error: unavailable(error) };
          this.isInDoubt = true;
          await this.pause(retryMs);
          retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
        }
      }
    } finally {
      this.isInDoubt = false;
    }
  }

  /** Somebody appended first, or this very batch had landed: its own ids in the delta tell. */
  private async afterConflict(encoded: readonly EncodedEvent[]): Promise<AppendFate> {
    const delta = await this.readDelta();
    const own = new Set<string>(encoded.map(({ id }) => id));
    const before = await this.read();
    this.state = delta.reduce(
      (folded, stored) => (stored.type === 'CarryRecorded' ? folded : evolve(folded, ledgerFact(stored))),
      before,
    );
    this.revision = delta.at(-1)?.revision ?? this.revision;
    this.position = delta.at(-1)?.position ?? this.position;
    this.uncarriedEvents += delta.length;
    return { kind: delta.some(({ id }) => own.has(id)) ? 'landed' : 'lost' };
  }

  private async readDelta(): Promise<readonly StoredEvent[]> {
    const delta: StoredEvent[] = [];
    const from = this.revision === 'no-stream' ? 0n : this.revision + 1n;
    for await (const stored of this.store.readStream(this.stream, { from })) delta.push(stored);
    return delta;
  }

  private answer(decided: readonly DecidedItem[]): void {
    for (const one of decided) {
      if (one.ok) {
        if (one.item.settled) this.releaseUnwanted(one.item.command);
        // A refusal inside an open window is not an event of its own: it is counted.
        const { command } = one.item;
        if (command.type === 'RecordRefusal' && one.events.length === 0)
          this.refusals.count(command, command.code, one.state);
        one.item.resolve({ ok: true, events: one.events, state: one.state, position: this.position });
      } else {
        const eventId = one.eventId ?? this.countRefusal(one);
        const { refusal, state } = one;
        one.item.resolve({ ok: false, refusal, state, ...(eventId === undefined ? {} : { eventId }) });
      }
    }
  }

  private countRefusal(one: DecidedItem & { ok: false }) {
    const { command } = one.item;
    if (command.type !== 'AuthorizeCall' || one.refusal.code === 'idempotency_answered') return undefined;
    return this.refusals.count(command, one.refusal.code, one.state);
  }

  /** An authorization whose caller has left while its batch was in doubt is released by its owner. */
  private releaseUnwanted(command: LedgerCommand): void {
    if (command.type !== 'AuthorizeCall') return;
    const { callId, owner } = command;
    this.submitOwn({
      type: 'ReleaseCall',
      callId,
      owner,
      reason: 'caller-left',
      dispatched: false,
      trace: { attempts: [], latencyMs: 0 },
    });
  }

  private async carryWhenDue(): Promise<void> {
    const { state, revision } = this;
    if (state === undefined || revision === 'no-stream') return;
    // A large state is carried less often, so that carries stay a small part of the stream.
    const dueAfter = Math.max(this.runtime.settings.carryEveryEvents, 4 * (state.holds.size + state.unresolved.size));
    if (this.uncarriedEvents < dueAfter) return;
    const at = ledgerTime(state, this.runtime.clock.now());
    const parts = carrySet(state, revision, this.runtime.newEventId()).map((event) =>
      ledgerCodec.encode({
        id: this.runtime.newEventId(),
        event,
        metadata: { ...SYSTEM, orgId: this.orgId, at },
      }),
    );
    this.uncarriedEvents = 0;
    const perAppend = Math.max(1, Math.floor(this.runtime.settings.batchBytesMax / 60_000));
    for (let start = 0; start < parts.length; start += perAppend) {
      // An incomplete set is ignored by every reader: losing a race here costs nothing.
      if ((await this.append(parts.slice(start, start + perAppend))).kind !== 'written') return;
    }
  }

  /** Loads once, however many ask meanwhile. */
  private load(): Promise<LedgerState> {
    this.loading ??= this.loadNow().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async loadNow(): Promise<LedgerState> {
    const loaded = await loadLedger(this.store, this.orgId).catch((error: unknown) => {
      throw unavailable(error);
    });
    this.state = loaded.state;
    this.revision = loaded.revision;
    this.position = loaded.position;
    this.uncarriedEvents = loaded.uncarriedEvents;
    for (const [callId, { call }] of loaded.state.holds)
      if (!this.runtime.isOwnerAlive(call.owner)) this.submitOwn({ type: 'ExpireCall', callId, cause: 'owner-dead' });
    return loaded.state;
  }

  private hasDueWaiting(): boolean {
    const nowMs = this.runtime.clock.monotonicMs();
    return this.queue.waitingCalls.some(({ untilMs }) => nowMs >= untilMs);
  }

  /** Waiting calls are decided again whenever something else is, and at the latest when their patience ends. */
  private scheduleNext(): void {
    if (this.queue.ready > 0 && this.retryMs === RETRY_MS_MIN) {
      this.wake();
      return;
    }
    const nowMs = this.runtime.clock.monotonicMs();
    const delays = this.queue.waitingCalls.map(({ untilMs }) => Math.max(1, untilMs - nowMs));
    if (this.queue.ready > 0) delays.push(this.retryMs);
    if (delays.length === 0) return;
    this.cancelWake = this.runtime.timers.after(Math.min(...delays), () => this.wake());
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.runtime.timers.after(delayMs, resolve);
    });
  }
}

function unavailable(error: unknown): LedgerUnavailableError {
  if (error instanceof LedgerUnavailableError) return error;
  return new LedgerUnavailableError('the record cannot be written or read now; try again', { cause: error });
}
