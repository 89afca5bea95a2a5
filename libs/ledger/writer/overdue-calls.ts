import type { CallId, EpochMs } from '#kernel';
import type { ExpireCall, ResolveByPolicy } from '../commands';
import { resolvedByPolicyAt } from '../decide/resolve';
import type { LedgerState, UnresolvedCall } from '../state';
import type { LedgerRuntime } from './runtime';

/** Queues a command that nobody waits for, and tells when it has been decided or given up. */
export type SubmitUnwatched = (command: ExpireCall | ResolveByPolicy, onEnd: () => void) => void;

/** The policy's resolves that are queued at once; the next ones follow with the next tick. */
const RESOLVES_QUEUED_MAX = 200;
/** A gateway leaves calls of others to their own gateway for so long, so that not all of them resolve the same ones. */
const OTHERS_CALLS_LATER_MS = 30_000;

const NEVER = Number.POSITIVE_INFINITY;

/** Ends what nobody else can end any more, and resolves by the organization's policy what nobody else has resolved. */
export class OverdueCalls {
  /** Calls whose ending is queued, so that a long outage queues each once. */
  private readonly queued = new Set<CallId>();
  /** When the next call is due, for the state that this was found out for. */
  private next:
    | { readonly of: Pick<LedgerState, 'unresolved' | 'unresolvedPolicy'>; readonly dueAt: number }
    | undefined;

  constructor(
    private readonly runtime: Pick<LedgerRuntime, 'isOwnerAlive' | 'peers'>,
    private readonly submit: SubmitUnwatched,
  ) {}

  /** Holds whose time is over. */
  expireOverdue(state: LedgerState, at: EpochMs): void {
    for (const [callId, { call }] of state.holds)
      if (at >= call.deadline) this.enqueue({ type: 'ExpireCall', callId, cause: 'deadline' });
  }

  /** Holds of processes that are dead. */
  expireOrphans(state: LedgerState): void {
    for (const [callId, { call }] of state.holds)
      if (!this.runtime.isOwnerAlive(call.owner)) this.enqueue({ type: 'ExpireCall', callId, cause: 'owner-dead' });
  }

  /** Unresolved calls that have been so for as long as the policy waits. */
  resolveDue(state: LedgerState, at: EpochMs): void {
    if (at < this.nextDueAt(state)) return;
    for (const [callId, call] of state.unresolved) {
      if (this.queued.size >= RESOLVES_QUEUED_MAX) return;
      if (at >= this.dueAt(state, call)) this.enqueue({ type: 'ResolveByPolicy', callId });
    }
  }

  /** When the policy resolves the next call; infinite where it never does, or where nothing is unresolved. */
  nextDueAt(state: LedgerState): number {
    const { unresolved, unresolvedPolicy } = state;
    const known = this.next;
    if (known?.of.unresolved === unresolved && known.of.unresolvedPolicy === unresolvedPolicy) return known.dueAt;
    let dueAt = NEVER;
    for (const call of unresolved.values()) dueAt = Math.min(dueAt, this.dueAt(state, call));
    this.next = { of: { unresolved, ...(unresolvedPolicy === undefined ? {} : { unresolvedPolicy }) }, dueAt };
    return dueAt;
  }

  private dueAt(state: LedgerState, call: UnresolvedCall): number {
    const { peers } = this.runtime;
    const laterMs = peers === undefined || call.call.owner === peers.self ? 0 : OTHERS_CALLS_LATER_MS;
    return (resolvedByPolicyAt(state, call) ?? NEVER) + laterMs;
  }

  private enqueue(command: ExpireCall | ResolveByPolicy): void {
    const { callId } = command;
    if (this.queued.has(callId)) return;
    this.queued.add(callId);
    this.submit(command, () => this.queued.delete(callId));
  }
}
