import { type BootId, type CallId, type EpochMs, type EventId, epochMs, type OrganizationId } from '#kernel';
import type { LedgerCommand } from '../commands';
import type { LedgerEvent } from '../events';
import type { RecordedFact } from './ledger-record';
import type { ForwardedCommand, ForwardedOutcome, LedgerPeers } from './peers';
import type { LedgerRuntime } from './runtime';
import {
  type DecidedEvent,
  GivenBackError,
  type LedgerOutcome,
  LedgerUnavailableError,
  type QueuedCommand,
  type SubmitOptions,
} from './types';

/** After so many lost rounds a gateway asks the one that wins. */
const LOST_ROUNDS_MAX = 2;
/** How long it goes on asking before it tries by itself again. */
const ASK_MS = 1_000;
/** A peer that has not answered after so long is not waited for: the commands are tried here. */
const FORWARD_MS_MAX = 3_000;
/**
 * A peer decides a command only until the record is so much older than when it was sent: longer than anybody waits for
 * it and clocks may differ, and much shorter than the ledger remembers calls that have ended.
 */
const FORWARD_AGE_MS_MAX = 10_000;
/** How long a command that a peer may yet record is looked for: longer than any gateway keeps one queued. */
const DOUBTFUL_MS_MAX = 600_000;
const DOUBTFUL_COMMANDS_MAX = 20_000;

/** A command that a peer recorded, or may have recorded. */
type Found = (item: QueuedCommand, event: DecidedEvent, position: bigint) => void;

/** Which events end or begin a call by a command. */
function isOwnEvent(command: LedgerCommand, event: LedgerEvent): boolean {
  switch (command.type) {
    case 'AuthorizeCall':
      return event.type === 'InferenceAuthorized' && event.data.callId === command.callId;
    case 'CompleteCall':
      return event.type === 'InferenceCompleted' && event.data.callId === command.callId;
    case 'FailCall':
      return event.type === 'InferenceFailed' && event.data.callId === command.callId;
    case 'ReleaseCall':
      return event.type === 'InferenceReleased' && event.data.callId === command.callId;
    case 'AbandonCall':
    case 'ExpireCall':
      return event.type === 'InferenceUnresolved' && event.data.callId === command.callId;
    case 'ResolveCall':
      return (
        (event.type === 'InferenceResolved' || event.type === 'InferenceCorrected') &&
        event.data.callId === command.callId
      );
    case 'ResolveByPolicy':
      return event.type === 'InferenceResolved' && event.data.callId === command.callId;
    default:
      return false;
  }
}

/**
 * Whether a peer may record it. A count of refusals has no call by which it would be found when its answer is lost, and
 * its event's id was given out: it must not be recorded twice.
 */
export function isForwardable({ command }: QueuedCommand): boolean {
  return command.type !== 'CountRefusals';
}

/**
 * Whoever loses is the wrong one to ask: commands of peers go back to their own gateways, and keep this one's no longer
 * from the gateway that wins. Nothing of them was sent. @returns those of this gateway.
 */
export function giveBack(items: readonly QueuedCommand[]): readonly QueuedCommand[] {
  for (const item of items) if (item.origin.from === 'peer') item.reject(new GivenBackError());
  return items.filter(({ origin }) => origin.from === 'own');
}

function callIdOf(command: LedgerCommand): CallId | undefined {
  return 'callId' in command ? command.callId : undefined;
}

/**
 * Where several gateways write one ledger, optimistic retries alone would starve the slower one for ever. After two lost
 * rounds this one asks the gateway that won to record its commands. That is a hint: the one that is asked decides and
 * appends as ever, with the revision that it expects.
 */
export class Forwarding {
  private target: { readonly to: BootId; readonly untilMs: number } | undefined;
  private lostRounds = 0;
  /** What was read while a peer was asked. */
  private seen: Map<EventId, { readonly event: DecidedEvent; readonly position: bigint }> | undefined;
  /** Commands that a peer may have recorded, or may yet record. */
  private readonly doubtful = new Map<CallId, { readonly item: QueuedCommand; readonly sinceMs: number }>();

  constructor(
    private readonly orgId: OrganizationId,
    private readonly peers: LedgerPeers,
    private readonly runtime: Pick<LedgerRuntime, 'clock' | 'onContention'>,
    private readonly onFound: Found,
  ) {}

  /** Whom to ask now; `undefined`: this gateway appends by itself. */
  get asks(): BootId | undefined {
    if (this.target !== undefined && this.runtime.clock.monotonicMs() >= this.target.untilMs) this.target = undefined;
    return this.target?.to;
  }

  /** Whether events are looked for that would otherwise only be read when something is written. */
  get isInDoubt(): boolean {
    return this.doubtful.size > 0;
  }

  /** Whether every event matters that others record. */
  get isLooking(): boolean {
    return this.isAsking || this.isInDoubt;
  }

  /** Whether a peer has been asked and has not answered yet. */
  get isAsking(): boolean {
    return this.seen !== undefined;
  }

  won(): void {
    this.lostRounds = 0;
  }

  lost(winner: BootId | undefined, commands: number): void {
    this.runtime.onContention?.('round-lost', commands);
    this.lostRounds += 1;
    if (winner === undefined || winner === this.peers.self || this.lostRounds < LOST_ROUNDS_MAX) return;
    this.target = { to: winner, untilMs: this.runtime.clock.monotonicMs() + ASK_MS };
    this.lostRounds = 0;
  }

  /** A peer that asks takes this gateway for the one that wins: both asking each other would help nobody. */
  askedByPeer(): void {
    this.target = undefined;
    this.lostRounds = 0;
  }

  /**
   * Asks a peer to record commands; one outcome for each, whatever happens.
   * @param recordTime of the state that they were decided against, by no clock but the record's: what they begin cannot
   * have ended before it.
   */
  async forward(
    to: BootId,
    items: readonly QueuedCommand[],
    recordTime: EpochMs,
  ): Promise<readonly ForwardedOutcome[]> {
    this.runtime.onContention?.('forwarded', items.length);
    this.seen = new Map();
    const nowMs = this.runtime.clock.monotonicMs();
    const deadline = epochMs(recordTime + FORWARD_AGE_MS_MAX);
    const commands = items.map((item): ForwardedCommand => {
      const { firstEventId } = item.options;
      const waitMs = remainingWaits(item, nowMs);
      return {
        command: item.command,
        metadata: item.metadata,
        deadline,
        ...(waitMs === undefined ? {} : { waitMs }),
        ...(firstEventId === undefined ? {} : { firstEventId }),
      };
    });
    const outcomes = await this.peers
      .forward(to, this.orgId, commands, FORWARD_MS_MAX)
      .catch((error: unknown) => items.map(() => unknownOutcome(String(error))));
    const whole = items.map((_, index) => outcomes[index] ?? unknownOutcome('the peer did not answer for this one'));
    const unknown = whole.filter(({ kind }) => kind === 'unknown').length;
    // A peer that records nothing of all this asks somebody itself, and is the wrong one to ask.
    if (unknown > 0 || whole.every(({ kind }) => kind === 'waiting')) this.target = undefined;
    if (unknown === 0) return whole;
    this.runtime.onContention?.('forward-in-doubt', unknown);
    return whole;
  }

  /**
   * Events by which a peer recorded a command; `undefined` when they have not been read. A request that arrived twice
   * found at its second time that there was nothing left to record: then what the first one recorded counts.
   */
  eventsOf({ command }: QueuedCommand, ids: readonly EventId[]): readonly DecidedEvent[] | undefined {
    if (ids.length === 0)
      return [...(this.seen?.values() ?? [])].flatMap(({ event }) => (isOwnEvent(command, event.event) ? event : []));
    const events = ids.map((id) => this.seen?.get(id)?.event);
    return events.every((event) => event !== undefined) ? events : undefined;
  }

  /** Commands that are about to be recorded: what was looked for on behalf of an earlier one for the same call is theirs. */
  takeUp(items: readonly QueuedCommand[]): void {
    for (const item of items) {
      const callId = callIdOf(item.command);
      const doubted = callId === undefined ? undefined : this.doubtful.get(callId);
      if (callId === undefined || doubted?.item.command.type !== item.command.type) continue;
      if (item.origin.from === 'own') this.doubtful.set(callId, { ...doubted, item });
    }
  }

  /** The peer may have recorded it, or may yet: it is looked for in everything that is read from now on. */
  doubt(item: QueuedCommand): void {
    const callId = callIdOf(item.command);
    // A refusal that is recorded twice moves nothing.
    if (callId === undefined || item.command.type === 'RecordRefusal') return;
    if (this.doubtful.size >= DOUBTFUL_COMMANDS_MAX) return;
    this.doubtful.set(callId, { item, sinceMs: this.runtime.clock.monotonicMs() });
    for (const { event, position } of this.seen?.values() ?? []) this.found(callId, event, position);
  }

  /** A forward and what it has led to are over. */
  ended(): void {
    this.seen = undefined;
  }

  /** Others have recorded these. */
  read(newer: readonly RecordedFact[]): void {
    if (this.seen === undefined && this.doubtful.size === 0) return;
    for (const { id, event, position } of newer) {
      this.seen?.set(id, { event: { id, event }, position });
      if ('callId' in event.data) this.found(event.data.callId, { id, event }, position);
    }
  }

  /**
   * An authorization is looked for even when it has been found, or its caller was answered otherwise: a peer that is late
   * may record one too many, and then nobody but its owner can end it. Nothing else can be recorded twice.
   */
  private found(callId: CallId, event: DecidedEvent, position: bigint): void {
    const item = this.doubtful.get(callId)?.item;
    if (item === undefined || !isOwnEvent(item.command, event.event)) return;
    if (item.command.type !== 'AuthorizeCall') this.doubtful.delete(callId);
    this.onFound(item, event, position);
  }

  /** Forgets commands that no gateway can still have queued. */
  tick(): void {
    const nowMs = this.runtime.clock.monotonicMs();
    for (const [callId, { sinceMs }] of this.doubtful)
      if (nowMs - sinceMs >= DOUBTFUL_MS_MAX) this.doubtful.delete(callId);
  }
}

function unknownOutcome(message: string): ForwardedOutcome {
  return { kind: 'unknown', message };
}

/** How long a call is still willing to wait; it has waited here already. */
function remainingWaits({ options, arrivedMs }: QueuedCommand, nowMs: number): ForwardedCommand['waitMs'] {
  const { waitMs } = options;
  if (waitMs === undefined) return undefined;
  const waited = nowMs - arrivedMs;
  const remaining = Object.entries(waitMs).map(([code, ms]) => [code, Math.max(0, Math.round(ms - waited))] as const);
  return Object.fromEntries(remaining);
}

/** How a peer's command is recorded here. */
export function optionsForPeer({ waitMs, firstEventId }: ForwardedCommand, timeoutMs: number): SubmitOptions {
  return {
    timeoutMs,
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(firstEventId === undefined ? {} : { firstEventId }),
  };
}

/** What a peer is told about a command of its own. */
export async function outcomeForPeer(submitted: Promise<LedgerOutcome>): Promise<ForwardedOutcome> {
  try {
    const outcome = await submitted;
    const named = outcome.eventId === undefined ? {} : { eventId: outcome.eventId };
    if (!outcome.ok) return { kind: 'refused', refusal: outcome.refusal, ...named };
    const eventIds = outcome.events.map(({ id }) => id);
    return { kind: 'recorded', eventIds, position: outcome.position, ...named };
  } catch (error) {
    if (error instanceof GivenBackError) return { kind: 'waiting' };
    if (error instanceof LedgerUnavailableError) return unknownOutcome(error.message);
    throw error;
  }
}
