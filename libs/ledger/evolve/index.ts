import { assertNever, type EpochMs, type EventId, epochMs } from '#kernel';
import type { LedgerEvent } from '../events';
import { withoutFullBuckets } from '../limits';
import { barKey, type LedgerState } from '../state';
import { budgetChanged, budgetDefined, budgetEnded, limitsSet, periodMarked, periodOpened } from './budgets';
import { authorized, completed, failed, refusalRecorded, released, unresolved } from './calls';
import { corrected, resolved } from './resolutions';
import { timeCorrected } from './time';

const MINUTE_MS = 60_000;

/** What the fold needs of an event's envelope. */
export interface LedgerFact {
  readonly id: EventId;
  readonly event: LedgerEvent;
  readonly at: EpochMs;
}

function projectAssigned(
  state: LedgerState,
  data: Extract<LedgerEvent, { type: 'ProjectAssigned' }>['data'],
): LedgerState {
  const { projectId, teamId } = data;
  return {
    ...state,
    projectTeams:
      teamId === undefined ? state.projectTeams.delete(projectId) : state.projectTeams.set(projectId, teamId),
  };
}

function apply(state: LedgerState, { id, event }: LedgerFact, at: EpochMs): LedgerState {
  switch (event.type) {
    case 'BudgetDefined':
      return budgetDefined(state, event);
    case 'BudgetChanged':
      return budgetChanged(state, event);
    case 'BudgetEnded':
      return budgetEnded(state, event);
    case 'BudgetPeriodOpened':
      return periodOpened(state, event);
    case 'BudgetThresholdReached':
      return periodMarked(state, event.data.budgetId, event.data.from, { thresholdReached: event.data.threshold });
    case 'BudgetExceeded':
      return periodMarked(state, event.data.budgetId, event.data.from, { exceeded: true });
    case 'LimitsSet':
      return limitsSet(state, event);
    case 'SubjectBarred':
      return { ...state, bars: state.bars.set(barKey(event.data.subject), event.data.reason) };
    case 'SubjectUnbarred':
      return { ...state, bars: state.bars.delete(barKey(event.data.subject)) };
    case 'ProjectAssigned':
      return projectAssigned(state, event.data);
    case 'InferenceAuthorized':
      return authorized(state, event, at);
    case 'InferenceCompleted':
      return completed(state, event, at);
    case 'InferenceFailed':
      return failed(state, event, at);
    case 'InferenceReleased':
      return released(state, event, at);
    case 'InferenceUnresolved':
      return unresolved(state, event, at);
    case 'InferenceResolved':
      return resolved(state, event, at);
    case 'InferenceCorrected':
      return corrected(state, event);
    case 'UnresolvedPolicySet':
      return { ...state, unresolvedPolicy: event.data.policy };
    case 'InferenceRefused':
    case 'RefusalsCounted':
      return refusalRecorded(state, event, at, id);
    case 'LedgerTimeCorrected':
      return timeCorrected(state, event);
    case 'CarryRecorded':
      return state; // An accelerator, never a source.
    default:
      return assertNever(event);
  }
}

/** The next state. Pure; ledger time is the newest event's and never runs backwards. */
export function evolve(state: LedgerState, fact: LedgerFact): LedgerState {
  const at = epochMs(Math.max(state.time, fact.at));
  const next = apply(state, fact, at);
  if (next.time === at || fact.event.type === 'LedgerTimeCorrected') return next;
  // Once a minute is often enough to keep keys that have fallen silent out of the state, and seldom enough to cost nothing.
  const isNewMinute = Math.floor(at / MINUTE_MS) !== Math.floor(state.time / MINUTE_MS);
  return { ...next, time: at, buckets: isNewMinute ? withoutFullBuckets(next, at) : next.buckets };
}
