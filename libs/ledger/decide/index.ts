import { type ApiKeyId, accepted, assertNever, type EpochMs, epochMs, type ModelId, refused } from '#kernel';
import type {
  AssignProject,
  BarSubjectCommand,
  DecisionContext,
  LedgerCommand,
  RecordRefusal,
  UnbarSubject,
} from '../commands';
import type { BarSubject, LedgerEvent } from '../events';
import { entryAt } from '../expiring-map';
import type { LedgerRefusal } from '../refusals';
import { barKey, type LedgerState, refusalKey } from '../state';
import { authorize } from './authorize';
import { changeBudget, defineBudget, endBudget, setLimits } from './budgets';
import { abandonCall, completeCall, expireCall, failCall, releaseCall, resolveCall } from './end-call';

export type LedgerDecision =
  | { readonly ok: true; readonly events: readonly LedgerEvent[] }
  /** A refusal may be an event itself: the first of its kind in a window is. */
  | { readonly ok: false; readonly refusal: LedgerRefusal; readonly events: readonly LedgerEvent[] };

/** Ledger time never runs backwards: the later of the record's newest event and the decider's own clock. */
export function ledgerTime(state: LedgerState, now: EpochMs): EpochMs {
  return epochMs(Math.max(state.time, now));
}

/** Past this many windows a client is inventing names: the rest shares one window per key and code. */
export const REFUSAL_WINDOWS_MAX = 1_000;
const OTHER_MODELS = '(other)' as ModelId;

/** The model under which a refusal is counted. */
export function refusalModel(state: LedgerState, keyId: ApiKeyId, code: string, model: ModelId): ModelId {
  const { entries } = state.refusals;
  return entries.size < REFUSAL_WINDOWS_MAX || entries.has(refusalKey(keyId, code, model)) ? model : OTHER_MODELS;
}

/** The first refusal of (key, code, model) in a window is an event at once; later ones are counted by the writer. */
function refusalEvents(command: Omit<RecordRefusal, 'type'>, state: LedgerState, at: EpochMs): readonly LedgerEvent[] {
  const { callId, keyId, projectId, endpoint, code } = command;
  const model = refusalModel(state, keyId, code, command.model);
  if (entryAt(state.refusals, refusalKey(keyId, code, model), at) !== undefined) return [];
  return [{ type: 'InferenceRefused', data: { callId, keyId, projectId, model, endpoint, code } }];
}

function barSubject(command: BarSubjectCommand, state: LedgerState) {
  if (state.bars.has(barKey(command.subject))) return accepted<LedgerEvent>();
  return accepted<LedgerEvent>({ type: 'SubjectBarred', data: { subject: command.subject, reason: command.reason } });
}

function unbarSubject(command: UnbarSubject, state: LedgerState) {
  const subject: BarSubject = command.subject;
  return state.bars.has(barKey(subject))
    ? accepted<LedgerEvent>({ type: 'SubjectUnbarred', data: { subject } })
    : accepted<LedgerEvent>();
}

function assignProject({ projectId, teamId }: AssignProject, state: LedgerState) {
  if (state.projectTeams.get(projectId) === teamId) return accepted<LedgerEvent>();
  return accepted<LedgerEvent>({
    type: 'ProjectAssigned',
    data: { projectId, ...(teamId === undefined ? {} : { teamId }) },
  });
}

function decideCommand(
  command: LedgerCommand,
  state: LedgerState,
  at: EpochMs,
): { ok: true; events: readonly LedgerEvent[] } | { ok: false; refusal: LedgerRefusal } {
  switch (command.type) {
    case 'AuthorizeCall': {
      if (state.holds.has(command.callId)) return accepted();
      if (state.unresolved.has(command.callId) || entryAt(state.ended, command.callId, at) !== undefined)
        return refused<LedgerRefusal>({
          code: 'duplicate_call',
          message: `Call ${command.callId} was authorized before.`,
        });
      const decided = authorize(command, state, at);
      return decided.ok ? accepted(...decided.admission.events) : refused<LedgerRefusal>(decided.refusal);
    }
    case 'CompleteCall':
      return completeCall(command, state, at);
    case 'FailCall':
      return failCall(command, state, at);
    case 'ReleaseCall':
      return releaseCall(command, state, at);
    case 'AbandonCall':
      return abandonCall(command, state, at);
    case 'ExpireCall':
      return expireCall(command, state, at);
    case 'ResolveCall':
      return resolveCall(command, state, at);
    case 'RecordRefusal':
      return accepted(...refusalEvents(command, state, at));
    case 'CountRefusals': {
      const { type: _, callIds, ...data } = command;
      return accepted<LedgerEvent>({ type: 'RefusalsCounted', data: { ...data, callIds: [...callIds] } });
    }
    case 'DefineBudget':
      return defineBudget(command, state, at);
    case 'ChangeBudget':
      return changeBudget(command, state);
    case 'EndBudget':
      return endBudget(command, state);
    case 'SetLimits':
      return setLimits(command, state);
    case 'BarSubject':
      return barSubject(command, state);
    case 'UnbarSubject':
      return unbarSubject(command, state);
    case 'AssignProject':
      return assignProject(command, state);
    default:
      return assertNever(command);
  }
}

/** Decides one command of a ledger. Pure: time and the event's id arrive in the context. */
export function decide(command: LedgerCommand, state: LedgerState, context: DecisionContext): LedgerDecision {
  const at = ledgerTime(state, context.now);
  const decision = decideCommand(command, state, at);
  if (decision.ok) return decision;
  const { refusal } = decision;
  // A repeat that is answered from the first call's record is no refusal of a call.
  const isRefusedCall = command.type === 'AuthorizeCall' && refusal.code !== 'idempotency_answered';
  const events = isRefusedCall ? refusalEvents({ ...command, code: refusal.code }, state, at) : [];
  return { ok: false, refusal, events };
}
