import type { EventStore } from '#event-store';
import type { CallId, EventId, OrganizationId } from '#kernel';
import type { LedgerCommand } from '../commands';
import { isRecordedRefusal, ledgerTime } from '../decide';
import type { LedgerState } from '../state';
import { type Batch, type DecidedItem, decideBatch } from './batch';
import { CommandQueue, rankOf } from './command-queue';
import { LedgerRecord, unavailable } from './ledger-record';
import { RefusalCounter } from './refusal-counter';
import {
  type CommandMetadata,
  type LedgerOutcome,
  type LedgerRuntime,
  LedgerUnavailableError,
  type QueuedCommand,
  RECORD_WAIT_MS,
  type SubmitOptions,
  SYSTEM_METADATA,
} from './types';

const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 1_000;

/** How long an ending is tried again for while the store cannot be reached; after that its hold's deadline decides. */
const ENDING_RETRY_MS_MAX = 600_000;

/**
 * The one writer of a ledger in this process. Commands queue up while an append is in flight; the next flush decides
 * them all against the warm state and appends one batch with the expected revision. Correctness never depends on being
 * the only writer: a lost revision re-reads and re-decides.
 */
export class LedgerWriter {
  private readonly record: LedgerRecord;
  private readonly queue: CommandQueue;
  private readonly refusals: RefusalCounter;
  /** Holds whose expiry is queued, so that a long outage queues each once. */
  private readonly expiring = new Set<CallId>();
  private readonly quietListeners: (() => void)[] = [];
  private isFlushing = false;
  private retryMs = RETRY_MS_MIN;
  private cancelWake: (() => void) | undefined;

  constructor(
    private readonly orgId: OrganizationId,
    store: EventStore,
    private readonly runtime: LedgerRuntime,
  ) {
    this.record = new LedgerRecord(orgId, store, runtime, (state) => this.expireOrphans(state));
    this.queue = new CommandQueue(runtime.settings);
    this.refusals = new RefusalCounter(runtime.newEventId);
  }

  /** Whether forgetting the warm state would lose nothing but time. */
  get isIdle(): boolean {
    return this.isQuiet && this.refusals.isEmpty && (this.record.state?.holds.size ?? 0) === 0;
  }

  /** The warm state, loaded first where need be. @throws LedgerUnavailableError */
  read(): Promise<LedgerState> {
    return this.record.read();
  }

  /** Position of the newest event that this writer knows. */
  get knownPosition(): bigint {
    return this.record.position;
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
      const cancelTimeout = this.runtime.timers.after(options.timeoutMs ?? patienceMs(options), () =>
        item.reject(new LedgerUnavailableError('the record could not be written in time')),
      );
      const settle = (answer: () => void) => {
        if (item.settled) return;
        item.settled = true;
        cancelTimeout();
        answer();
      };
      if (this.record.isInDoubt && command.type === 'AuthorizeCall')
        return item.reject(new LedgerUnavailableError('it is in doubt whether the last batch was recorded; try again'));
      if (!this.queue.offer(item))
        return item.reject(new LedgerUnavailableError('too many calls wait for this ledger; try again'));
      this.wake();
    });
  }

  /** Ends holds that nobody else can end any more, and writes down refusals whose window is over. */
  tick(): void {
    const { state } = this.record;
    if (state === undefined) return;
    const at = ledgerTime(state, this.runtime.clock.now());
    // While the store cannot be reached, counts go on where they are instead of queueing up.
    if (this.retryMs === RETRY_MS_MIN && !this.record.isInDoubt)
      for (const { eventId, command } of this.refusals.take(at)) this.submitOwn(command, eventId);
    for (const [callId, { call }] of state.holds) if (at >= call.deadline) this.expire(callId, 'deadline');
  }

  /** Writes down all counted refusals; resolves when nothing is queued any more, at the latest after RECORD_WAIT_MS. */
  drain(): Promise<void> {
    for (const { eventId, command } of this.refusals.take('all')) this.submitOwn(command, eventId);
    return new Promise((resolve) => {
      if (this.isQuiet) return resolve();
      const cancel = this.runtime.timers.after(RECORD_WAIT_MS, resolve);
      this.quietListeners.push(() => {
        cancel();
        resolve();
      });
    });
  }

  private get isQuiet(): boolean {
    return !this.isFlushing && this.queue.size === 0;
  }

  /** For what nobody waits for; it stays queued like every ending while the store is away. */
  private submitOwn(command: LedgerCommand, firstEventId?: EventId, onEnd: () => void = () => {}): void {
    const options = { timeoutMs: ENDING_RETRY_MS_MAX, ...(firstEventId === undefined ? {} : { firstEventId }) };
    // A failure is met again by the next tick, or by the next process.
    this.submit(command, SYSTEM_METADATA, options).then(onEnd, onEnd);
  }

  private expire(callId: CallId, cause: 'deadline' | 'owner-dead'): void {
    if (this.expiring.has(callId)) return;
    this.expiring.add(callId);
    this.submitOwn({ type: 'ExpireCall', callId, cause }, undefined, () => this.expiring.delete(callId));
  }

  private expireOrphans(state: LedgerState): void {
    for (const [callId, { call }] of state.holds)
      if (!this.runtime.isOwnerAlive(call.owner)) this.expire(callId, 'owner-dead');
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
          if (this.isQuiet) for (const tell of this.quietListeners.splice(0)) tell();
        });
    });
  }

  /** Whether the store could be reached. */
  private async flushAll(): Promise<boolean> {
    await this.read();
    while (this.queue.ready > 0 || this.hasDueWaiting()) {
      const batch = decideBatch(this.orgId, this.runtime, await this.read(), this.queue.takeAll());
      this.queue.putBack(batch.leftOver, batch.waiting);
      if (batch.encoded.length === 0) this.answer(batch.decided, this.record.position);
      else if (!(await this.recordBatch(batch))) return false;
      await this.record.carryWhenDue();
    }
    return true;
  }

  /** Whether to go on; not while the store cannot be reached. */
  private async recordBatch(batch: Batch): Promise<boolean> {
    const fate = await this.record.append(batch.encoded, batch.state);
    const items = batch.decided.map(({ item }) => item);
    switch (fate.kind) {
      case 'written':
        this.answer(batch.decided, fate.position);
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
    const isKept = ({ command, arrivedMs }: QueuedCommand) =>
      rankOf(command) === 'endings' && nowMs < arrivedMs + ENDING_RETRY_MS_MAX;
    for (const item of items) if (!isKept(item)) item.reject(error);
    this.queue.putBack(items.filter(isKept), []);
    this.retryMs = Math.min(RETRY_MS_MAX, this.retryMs * 2);
  }

  private answer(decided: readonly DecidedItem[], position: bigint): void {
    for (const one of decided) {
      const { item, state } = one;
      const eventId = this.refusalEventId(one);
      const named = eventId === undefined ? {} : { eventId };
      if (!one.ok) {
        item.resolve({ ok: false, refusal: one.refusal, state, ...named });
        continue;
      }
      if (item.settled && one.events.length > 0) this.releaseUnwanted(item.command);
      item.resolve({ ok: true, events: one.events, state, position, ...named });
    }
  }

  /** The event that records a refused call; inside an open window it is none of its own, but counted into one. */
  private refusalEventId(one: DecidedItem): EventId | undefined {
    const { command } = one.item;
    if (!one.ok) {
      if (!isRecordedRefusal(command, one.refusal)) return undefined;
      return one.eventId ?? this.refusals.count(command, one.refusal.code, one.state);
    }
    if (command.type !== 'RecordRefusal') return undefined;
    return one.events[0]?.id ?? this.refusals.count(command, command.code, one.state);
  }

  /** An authorization whose caller has left while its batch was in doubt is released by its owner. */
  private releaseUnwanted(command: LedgerCommand): void {
    if (command.type !== 'AuthorizeCall') return;
    const { callId, owner } = command;
    const trace = { attempts: [], latencyMs: 0 };
    this.submitOwn({ type: 'ReleaseCall', callId, owner, reason: 'caller-left', dispatched: false, trace });
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
}

/** How long a caller waits for the record, on top of what it is willing to wait for other calls. */
function patienceMs({ waitMs }: SubmitOptions): number {
  return RECORD_WAIT_MS + Math.max(0, ...Object.values(waitMs ?? {}));
}
