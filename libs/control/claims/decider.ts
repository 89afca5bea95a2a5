import { accepted, type BootId, type Decider, type Decision, type EpochMs, type Refusal, refused } from '#kernel';
import type { ClaimEvent, ClaimSubject } from './events';

/**
 * How long a holder whose claim was taken over is reckoned with: paused between two appends, it may wake up and carry
 * out the one that it had begun.
 */
export const DOUBT_MS = 600_000;

export interface ClaimHolder {
  readonly bootId: BootId;
  readonly about?: string;
}

/** A holder that never said how its command ended. */
export interface Overtaken {
  readonly at: EpochMs;
  readonly about?: string;
}

export interface ClaimState {
  readonly subject?: ClaimSubject;
  /** Absent: the claim is free. */
  readonly holder?: ClaimHolder;
  /** When it was last taken. */
  readonly takenAt?: EpochMs;
  /** Within DOUBT_MS of `takenAt`. */
  readonly overtaken: readonly Overtaken[];
}

export type ClaimCommand =
  | {
      readonly type: 'TakeClaim';
      readonly subject: ClaimSubject;
      readonly bootId: BootId;
      readonly at: EpochMs;
      readonly about?: string;
      /** A holder that will not end its command any more: it is dead, or this very process. */
      readonly over?: BootId;
    }
  | { readonly type: 'ReleaseClaim'; readonly bootId: BootId };

export type ClaimRefusal = Refusal<'claim_held' | 'claim_lost'>;

/** Whether a holder that was overtaken may still do something. */
export function isDoubted({ at }: Overtaken, now: EpochMs): boolean {
  return now - at < DOUBT_MS;
}

function decide(command: ClaimCommand, { subject, holder }: ClaimState): Decision<ClaimEvent, ClaimRefusal> {
  switch (command.type) {
    case 'TakeClaim': {
      const { bootId, at, about, over } = command;
      if (holder !== undefined && holder.bootId !== over)
        return refused({ code: 'claim_held', message: 'Another gateway is changing this: wait until it is done.' });
      const data = { subject: command.subject, bootId, at, ...(about === undefined ? {} : { about }) };
      return accepted<ClaimEvent>({ type: 'ClaimTaken', data });
    }
    case 'ReleaseClaim': {
      const { bootId } = command;
      if (subject === undefined || holder?.bootId !== bootId)
        return refused({ code: 'claim_lost', message: 'The claim is no longer held by this gateway.' });
      return accepted<ClaimEvent>({ type: 'ClaimReleased', data: { subject, bootId } });
    }
  }
}

function evolve(state: ClaimState, event: ClaimEvent): ClaimState {
  switch (event.type) {
    case 'ClaimTaken': {
      const { subject, bootId, at, about } = event.data;
      const overtaken = state.overtaken.filter((one) => isDoubted(one, at));
      if (state.holder !== undefined) {
        const before = state.holder.about;
        overtaken.push({ at, ...(before === undefined ? {} : { about: before }) });
      }
      const holder = { bootId, ...(about === undefined ? {} : { about }) };
      return { subject, holder, takenAt: at, overtaken };
    }
    case 'ClaimReleased': {
      const { holder: _, ...free } = state;
      return free;
    }
  }
}

/** Who may change a subject now; see docs/adr, "Claims in the record order commands of two appends". */
export const claimDecider: Decider<ClaimCommand, ClaimState, ClaimEvent, ClaimRefusal> = {
  initialState: { overtaken: [] },
  decide,
  evolve,
};
