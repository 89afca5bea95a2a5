import type { CallId, EpochMs } from '#kernel';
import type { ExpireCall } from '../commands';
import type { LedgerState } from '../state';
import type { LedgerRuntime } from './runtime';

/** Queues a command that nobody waits for, and tells when it has been decided or given up. */
export type SubmitUnwatched = (command: ExpireCall, onEnd: () => void) => void;

/** Ends what nobody else can end any more. */
export class OverdueCalls {
  /** Holds whose expiry is queued, so that a long outage queues each once. */
  private readonly expiring = new Set<CallId>();

  constructor(
    private readonly runtime: Pick<LedgerRuntime, 'isOwnerAlive'>,
    private readonly submit: SubmitUnwatched,
  ) {}

  /** Holds whose time is over. */
  expireOverdue(state: LedgerState, at: EpochMs): void {
    for (const [callId, { call }] of state.holds) if (at >= call.deadline) this.expire(callId, 'deadline');
  }

  /** Holds of processes that are dead. */
  expireOrphans(state: LedgerState): void {
    for (const [callId, { call }] of state.holds)
      if (!this.runtime.isOwnerAlive(call.owner)) this.expire(callId, 'owner-dead');
  }

  private expire(callId: CallId, cause: ExpireCall['cause']): void {
    if (this.expiring.has(callId)) return;
    this.expiring.add(callId);
    this.submit({ type: 'ExpireCall', callId, cause }, () => this.expiring.delete(callId));
  }
}
