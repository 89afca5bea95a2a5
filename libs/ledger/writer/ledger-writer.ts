import type { EventStore } from '#event-store';
import type { BootId, EpochMs, EventId, OrganizationId } from '#kernel';
import type { LedgerCommand } from '../commands';
import { isRecordedRefusal, ledgerTime } from '../decide';
import type { LedgerState } from '../state';
import { type Batch, type DecidedItem, decideBatch, itemsOf } from './batch';
import { CommandQueue, rankOf } from './command-queue';
import { Forwarding, giveBack, isForwardable, optionsForPeer, outcomeForPeer } from './forwarding';
import { type KnownLedger, LedgerRecord, RETRY_MS_MAX, RETRY_MS_MIN, unavailable } from './ledger-record';
import { OverdueCalls } from './overdue-calls';
import type { ForwardedCommand, ForwardedOutcome } from './peers';
import { RefusalCounter } from './refusal-counter';
import type { LedgerRuntime } from './runtime';
import {
  type CommandMetadata,
  type CommandOrigin,
  type DecidedEvent,
  LedgerHistoryChangedError,
  type LedgerOutcome,
  LedgerUnavailableError,
  patienceMs,
  type QueuedCommand,
  RECORD_WAIT_MS,
  type SubmitOptions,
  SYSTEM_METADATA,
} from './types';

/** How long an ending is tried again for while the store cannot be reached; after that its hold's deadline decides. */
const ENDING_RETRY_MS_MAX = 600_000;

/** How often waiting calls are decided again where other gateways may have ended what they wait for. */
const SHARED_WAIT_POLL_MS = 50;

/**
 * The one writer of a ledger in this process. Commands queue up while an append is in flight; the next flush decides
 * them all against the warm state and appends one batch with the expected revision. Correctness never depends on being
 * the only writer: a lost revision re-reads and re-decides.
 */
export class LedgerWriter {
  private readonly record: LedgerRecord;
  private readonly queue: CommandQueue;
  private readonly refusals: RefusalCounter;
  private readonly overdue: OverdueCalls;
  /** The authorization that a caller was told of, or that was released since the caller had left. */
  private readonly told = new WeakMap<QueuedCommand, EventId>();
  private readonly quietListeners: (() => void)[] = [];
  /** Where other gateways write this ledger too. */
  private readonly forwarding: Forwarding | undefined;
  private isFlushing = false;
  private retryMs = RETRY_MS_MIN;
  private cancelWake: (() => void) | undefined;

  constructor(
    private readonly orgId: OrganizationId,
    store: EventStore,
    private readonly runtime: LedgerRuntime,
  ) {
    this.record = new LedgerRecord(orgId, store, runtime, {
      loaded: (state) => this.overdue.expireOrphans(state),
      read: (newer) => this.forwarding?.read(newer),
      isLooking: () => this.forwarding?.isLooking === true,
    });
    this.overdue = new OverdueCalls(runtime, (command, onEnd) => this.submitOwn(command, undefined, onEnd));
    this.queue = new CommandQueue(runtime.settings);
    this.refusals = new RefusalCounter(runtime.newEventId, runtime.clock);
    const { peers } = runtime;
    if (peers !== undefined)
      this.forwarding = new Forwarding(orgId, peers, runtime, (item, event, position) =>
        this.answer([{ item, state: this.record.known.state, ok: true, events: [event] }], position),
      );
  }

  /** Whether forgetting the warm state would lose nothing but time. */
  get isIdle(): boolean {
    if (!this.isQuiet || !this.refusals.isEmpty || this.forwarding?.isInDoubt === true) return false;
    // Read anew, the restored record would be taken for the true one.
    if (this.record.isBroken) return false;
    const holds = this.record.state?.holds;
    if (holds === undefined || holds.size === 0) return true;
    // What other gateways hold is theirs to end.
    const self = this.runtime.peers?.self;
    return self !== undefined && [...holds.values()].every(({ call }) => call.owner !== self);
  }

  /** The state with everything that was recorded before this was called. @throws LedgerUnavailableError */
  read(): Promise<LedgerState> {
    return this.forwarding === undefined ? this.record.read() : this.record.refresh();
  }

  /** The warm state, however old; `undefined` until it is first read. */
  get knownState(): LedgerState | undefined {
    return this.record.state;
  }

  /** When the policy resolves the next of its calls, as far as this process knows; infinite where it does none. */
  get nextResolveAt(): number {
    const { state } = this.record;
    return state === undefined ? Number.POSITIVE_INFINITY : this.overdue.nextDueAt(state);
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
    return this.enqueue(command, metadata, options, { from: 'own' });
  }

  /** Records a command of another gateway, which lost too many rounds against this one. */
  submitForPeer(forwarded: ForwardedCommand, timeoutMs: number): Promise<ForwardedOutcome> {
    // It would wait for this gateway's own question, whose answer may wait for that of the peer: for ever, if it could.
    if (this.forwarding?.isAsking === true) return Promise.resolve({ kind: 'waiting' });
    this.forwarding?.askedByPeer();
    const { command, metadata, deadline } = forwarded;
    const options = optionsForPeer(forwarded, timeoutMs);
    return outcomeForPeer(this.enqueue(command, metadata, options, { from: 'peer', deadline }));
  }

  private enqueue(
    command: LedgerCommand,
    metadata: CommandMetadata,
    options: SubmitOptions,
    origin: CommandOrigin,
  ): Promise<LedgerOutcome> {
    return new Promise((resolve, reject) => {
      const item: QueuedCommand = {
        command,
        metadata,
        options,
        origin,
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
    this.overdue.expireOverdue(state, at);
    this.overdue.resolveDue(state, at);
    if (this.forwarding === undefined) return;
    this.overdue.expireOrphans(state);
    this.forwarding.tick();
    // A failure is met again by the next tick.
    if (this.forwarding.isInDoubt) this.record.refresh().catch(() => undefined);
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
    await this.record.read();
    // What waiting calls wait for may have been recorded by others.
    let isPolled = this.forwarding !== undefined && this.queue.waitingCalls.length > 0;
    if (isPolled) await this.record.refresh();
    while (isPolled || this.queue.ready > 0 || this.queue.hasDue(this.runtime.clock.monotonicMs())) {
      isPolled = false;
      await this.record.read();
      const { known } = this.record;
      const batch = decideBatch(this.orgId, this.runtime, known.state, this.queue.takeAll());
      this.queue.putBack(batch.leftOver, batch.waiting);
      if (batch.encoded.length > 0) {
        if (!(await this.recordBatch(batch, known))) return false;
      } else if (this.isFreshFor(batch)) this.answer(batch.decided, this.record.position);
      else {
        // Nothing would be appended that could tell that others have recorded more: so it is read first.
        this.queue.putBack(itemsOf(batch), []);
        await this.record.refresh();
      }
      await this.record.carryWhenDue();
    }
    return true;
  }

  private isFreshFor({ decided }: Batch): boolean {
    return this.forwarding === undefined || decided.every(({ item }) => item.arrivedMs <= this.record.freshAsOfMs);
  }

  /** Whether to go on; not while the store cannot be reached. */
  private async recordBatch(batch: Batch, known: KnownLedger): Promise<boolean> {
    const peer = this.forwarding?.asks;
    const items = itemsOf(batch);
    this.forwarding?.takeUp(items);
    const [sent, kept] = [items.filter(isForwardable), items.filter((item) => !isForwardable(item))];
    if (this.forwarding !== undefined && peer !== undefined && sent.length > 0) {
      const own = giveBack(items);
      const isMixed = own.length < items.length;
      this.queue.putBack(isMixed ? own : kept, []);
      return isMixed || this.forwardItems(this.forwarding, peer, sent, known.state.time);
    }
    const fate = await this.record.append(batch.encoded, known, batch.state);
    switch (fate.kind) {
      case 'written':
        this.forwarding?.won();
        this.answer(batch.decided, fate.position);
        return true;
      case 'lost':
        this.forwarding?.lost(fate.winner, items.length);
        this.queue.putBack(items, []);
        return true;
      case 'unavailable':
        this.postpone(items, fate.error);
        return false;
    }
  }

  /** Has commands recorded by the gateway that wins; what it cannot tell is decided here again. */
  private async forwardItems(
    forwarding: Forwarding,
    to: BootId,
    items: readonly QueuedCommand[],
    recordTime: EpochMs,
  ): Promise<boolean> {
    const outcomes = await forwarding.forward(to, items, recordTime);
    const isRead = await this.record.refresh().then(
      () => true,
      () => false,
    );
    const undecided = items.filter((item, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined && isRead && this.answerForwarded(forwarding, item, outcome)) return false;
      if (outcome?.kind === 'waiting') return true;
      if (rankOf(item.command) !== 'control') {
        forwarding.doubt(item);
        return true;
      }
      // Nothing in the record tells whose it is, and a second time could undo what others have decided since the first.
      item.reject(new LedgerUnavailableError('it is not known whether this was recorded; look before you try again'));
      return false;
    });
    this.queue.putBack(undecided, []);
    forwarding.ended();
    if (!isRead) this.retryMs = Math.min(RETRY_MS_MAX, this.retryMs * 2);
    return isRead;
  }

  /** Whether the outcome could be told to the caller. */
  private answerForwarded(forwarding: Forwarding, item: QueuedCommand, outcome: ForwardedOutcome): boolean {
    const { state } = this.record.known;
    switch (outcome.kind) {
      case 'recorded': {
        const events = forwarding.eventsOf(item, outcome.eventIds);
        if (events === undefined) return false;
        this.answer([{ item, state, ok: true, events }], outcome.position, outcome.eventId);
        return true;
      }
      case 'refused': {
        const { refusal, eventId } = outcome;
        item.resolve({ ok: false, refusal, state, ...(eventId === undefined ? {} : { eventId }) });
        return true;
      }
      case 'waiting': {
        // A request that arrived twice may have been recorded at its first time.
        const events = forwarding.eventsOf(item, []);
        if (events === undefined || events.length === 0) return false;
        this.answer([{ item, state, ok: true, events }], this.record.position);
        return true;
      }
      case 'unknown':
        return false;
    }
  }

  /** Nothing was written: calls and control are told so; endings stay, since nobody else can tell what happened. */
  private postpone(items: readonly QueuedCommand[], error: LedgerUnavailableError): void {
    const isFinal = error instanceof LedgerHistoryChangedError;
    const keptFromMs = isFinal ? Number.POSITIVE_INFINITY : this.runtime.clock.monotonicMs() - ENDING_RETRY_MS_MAX;
    const isKept = ({ command, arrivedMs }: QueuedCommand) => rankOf(command) === 'endings' && arrivedMs > keptFromMs;
    for (const item of items) if (!isKept(item)) item.reject(error);
    this.queue.putBack(items.filter(isKept), []);
    this.retryMs = Math.min(RETRY_MS_MAX, this.retryMs * 2);
  }

  private answer(decided: readonly DecidedItem[], position: bigint, countedIn?: EventId): void {
    for (const one of decided) {
      const { item, state } = one;
      const eventId = countedIn ?? this.refusalEventId(one);
      const named = eventId === undefined ? {} : { eventId };
      if (!one.ok) {
        item.resolve({ ok: false, refusal: one.refusal, state, ...named });
        continue;
      }
      // A peer's caller may not have left: its own gateway finds the authorization and decides.
      if (item.origin.from === 'own') this.releaseUnwanted(item, one.events);
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

  /** An authorization whose caller has left, or was told of another, is released by its owner. */
  private releaseUnwanted(item: QueuedCommand, events: readonly DecidedEvent[]): void {
    const { command } = item;
    const id = events.find(({ event }) => event.type === 'InferenceAuthorized')?.id;
    if (command.type !== 'AuthorizeCall' || id === undefined) return;
    if (!item.settled) this.told.set(item, id);
    // It may be found more than once: in what a peer answers, and in the record.
    if (this.told.get(item) === id) return;
    this.told.set(item, id);
    const { callId, owner } = command;
    const how = { reason: 'caller-left', dispatched: false, trace: { attempts: [], latencyMs: 0 } };
    this.submitOwn({ type: 'ReleaseCall', callId, owner, ...how });
  }

  /** Waiting calls are decided again whenever something else is, and at the latest when their patience ends. */
  private scheduleNext(): void {
    if (this.queue.ready > 0 && this.retryMs === RETRY_MS_MIN) {
      this.wake();
      return;
    }
    const nowMs = this.runtime.clock.monotonicMs();
    const pollMs = this.forwarding === undefined ? Number.POSITIVE_INFINITY : SHARED_WAIT_POLL_MS;
    const delays = this.queue.waitingCalls.map(({ untilMs }) => Math.min(pollMs, Math.max(1, untilMs - nowMs)));
    if (this.queue.ready > 0) delays.push(this.retryMs);
    if (delays.length === 0) return;
    this.cancelWake = this.runtime.timers.after(Math.min(...delays), () => this.wake());
  }
}
