import {
  type ApiKeyId,
  accepted,
  assertNever,
  type CallId,
  type EpochMs,
  epochMs,
  type ModelId,
  type Prices,
  refused,
} from '#kernel';
import type {
  AssignProject,
  AuthorizeCall,
  BarSubjectCommand,
  CorrectTime,
  DecisionContext,
  LedgerCommand,
  RecordRefusal,
  UnbarSubject,
} from '../commands';
import type { BarSubject, LedgerEvent } from '../events';
import { entryAt } from '../expiring-map';
import type { LedgerRefusal } from '../refusals';
import { barKey, type LedgerState, refusalKey, refusalKeyPrefix } from '../state';
import { authorize } from './authorize';
import { changeBudget, defineBudget, endBudget, setLimits } from './budgets';
import { abandonCall, completeCall, expireCall, failCall, releaseCall } from './end-call';
import { setUnresolvedPolicy } from './policy';
import { resolveByPolicy, resolveCall, resolveCalls } from './resolve';
import { isWholeNumber } from './whole-numbers';

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
/** The same for one key, which must not use up what the others of its organization are told apart by. */
export const REFUSAL_WINDOWS_PER_KEY_MAX = 20;
const OTHER_MODELS = '(other)' as ModelId;

/** The model under which a refusal is counted. */
export function refusalModel(state: LedgerState, keyId: ApiKeyId, code: string, model: ModelId): ModelId {
  const { entries } = state.refusals;
  if (entries.has(refusalKey(keyId, code, model))) return model;
  if (entries.size >= REFUSAL_WINDOWS_MAX) return OTHER_MODELS;
  const prefix = refusalKeyPrefix(keyId);
  const windows = entries
    .keySeq()
    .filter((key) => key.startsWith(prefix))
    .take(REFUSAL_WINDOWS_PER_KEY_MAX);
  return windows.count() < REFUSAL_WINDOWS_PER_KEY_MAX ? model : OTHER_MODELS;
}

/** The first refusal of (key, code, model) in a window is an event at once; later ones are counted by the writer. */
function refusalEvents(command: Omit<RecordRefusal, 'type'>, state: LedgerState, at: EpochMs): readonly LedgerEvent[] {
  const { callId, keyId, projectId, endpoint, code } = command;
  const model = refusalModel(state, keyId, code, command.model);
  if (entryAt(state.refusals, refusalKey(keyId, code, model), at) !== undefined) return [];
  const teamId = state.projectTeams.get(projectId);
  const team = teamId === undefined ? {} : { teamId };
  return [{ type: 'InferenceRefused', data: { callId, keyId, projectId, ...team, model, endpoint, code } }];
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

/** Ledger time never runs backwards but by this: an event that somebody has asked for. */
function correctTime({ from, to }: CorrectTime, state: LedgerState) {
  if (state.time !== from || to >= from) return accepted<LedgerEvent>();
  return accepted<LedgerEvent>({ type: 'LedgerTimeCorrected', data: { from, to } });
}

type CommandDecision = { ok: true; events: readonly LedgerEvent[] } | { ok: false; refusal: LedgerRefusal };

/** Whether the ledger has seen this call end or become unresolved, as far back as it remembers. */
function wasAuthorized(state: LedgerState, callId: CallId, at: EpochMs): boolean {
  return (
    state.unresolved.has(callId) ||
    entryAt(state.ended, callId, at) !== undefined ||
    entryAt(state.resolved, callId, at) !== undefined
  );
}

function arePrices({ version, input, cachedInput, cacheWrite, output }: Prices): boolean {
  return isWholeNumber(version) && input >= 0n && cachedInput >= 0n && cacheWrite >= 0n && output >= 0n;
}

function isWholeCall({ bounds, prices, laterPrices, ...call }: AuthorizeCall): boolean {
  const counts = [bounds.inputTokensMax, bounds.inputTokensEstimate, bounds.outputTokensCap, bounds.outputsMax];
  return (
    [...counts, call.dispatchWindowMs, call.holdMs].every(isWholeNumber) &&
    arePrices(prices) &&
    (laterPrices === undefined || laterPrices.every((later) => arePrices(later.prices)))
  );
}

function authorizeCall(command: AuthorizeCall, state: LedgerState, at: EpochMs): CommandDecision {
  const { callId } = command;
  if (state.holds.has(callId)) return accepted();
  if (wasAuthorized(state, callId, at))
    return refused<LedgerRefusal>({ code: 'duplicate_call', message: `Call ${callId} was authorized before.` });
  if (!isWholeCall(command))
    return refused<LedgerRefusal>({
      code: 'call_invalid',
      message: 'Bounds and times of a call are whole numbers, its prices not negative.',
    });
  const decided = authorize(command, state, at);
  return decided.ok ? accepted(...decided.admission.events) : refused<LedgerRefusal>(decided.refusal);
}

function decideCommand(command: LedgerCommand, state: LedgerState, at: EpochMs): CommandDecision {
  switch (command.type) {
    case 'AuthorizeCall':
      return authorizeCall(command, state, at);
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
    case 'ResolveCalls':
      return resolveCalls(command, state, at);
    case 'ResolveByPolicy':
      return resolveByPolicy(command, state, at);
    case 'RecordRefusal':
      return accepted(...refusalEvents(command, state, at));
    case 'CountRefusals': {
      const { type: _, callIds, times, ...data } = command;
      const named = { callIds: [...callIds], ...(times === undefined ? {} : { times: [...times] }) };
      return accepted<LedgerEvent>({ type: 'RefusalsCounted', data: { ...data, ...named } });
    }
    case 'DefineBudget':
      return defineBudget(command, state, at);
    case 'ChangeBudget':
      return changeBudget(command, state, at);
    case 'EndBudget':
      return endBudget(command, state);
    case 'SetLimits':
      return setLimits(command, state);
    case 'SetUnresolvedPolicy':
      return setUnresolvedPolicy(command, state);
    case 'BarSubject':
      return barSubject(command, state);
    case 'UnbarSubject':
      return unbarSubject(command, state);
    case 'AssignProject':
      return assignProject(command, state);
    case 'CorrectTime':
      return correctTime(command, state);
    default:
      return assertNever(command);
  }
}

/**
 * Whether a refusal is a fact about a client's call, to be recorded or counted. A repeat that is answered from the first
 * call's record is none, and neither is a command that only a bug of this program can send.
 */
export function isRecordedRefusal(command: LedgerCommand, { code }: LedgerRefusal): command is AuthorizeCall {
  if (command.type !== 'AuthorizeCall') return false;
  return !['idempotency_answered', 'duplicate_call', 'call_invalid', 'unencodable'].includes(code);
}

/** Decides one command of a ledger. Pure: time arrives in the context. */
export function decide(command: LedgerCommand, state: LedgerState, context: DecisionContext): LedgerDecision {
  const at = ledgerTime(state, context.now);
  const decision = decideCommand(command, state, at);
  if (decision.ok) return decision;
  const { refusal } = decision;
  const events = isRecordedRefusal(command, refusal)
    ? refusalEvents({ ...command, code: refusal.code }, state, at)
    : [];
  return { ok: false, refusal, events };
}
