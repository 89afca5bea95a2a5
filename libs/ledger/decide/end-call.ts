import { accepted, type CallId, type EpochMs, refused, type TokenUsage, ZERO_USD } from '#kernel';
import type { AbandonCall, CallTrace, CompleteCall, ExpireCall, FailCall, ReleaseCall } from '../commands';
import type { Attempt, CallSubject, LedgerEvent, LedgerEventOf, Touch } from '../events';
import { entryAt } from '../expiring-map';
import type { LedgerRefusal } from '../refusals';
import { type Charge, chargeForUsage, isValidUsage, usageTokens } from '../settlement';
import type { CountedUsage, Hold, LedgerState } from '../state';
import { thresholdEvents, thresholdsAfterSettling } from './threshold-events';
import { wholeMs, wholeNumber } from './whole-numbers';

export type EndDecision = { ok: true; events: readonly LedgerEvent[] } | { ok: false; refusal: LedgerRefusal };

export function subjectOf({ call }: Hold): CallSubject {
  const { callId, keyId, projectId, teamId, model, endpoint } = call;
  return { callId, keyId, projectId, ...(teamId === undefined ? {} : { teamId }), model, endpoint };
}

function traceOf(hold: Hold, trace: CallTrace) {
  return {
    authorizedAt: hold.authorizedAt,
    attempts: trace.attempts.map(attemptOf),
    ...(trace.upstreamRequestId === undefined ? {} : { upstreamRequestId: trace.upstreamRequestId }),
    latencyMs: wholeMs(trace.latencyMs),
    ...(trace.firstByteMs === undefined ? {} : { firstByteMs: wholeMs(trace.firstByteMs) }),
  };
}

/** Exactly the recorded fields: a caller's object may carry others, which would be in the record but not in its form. */
function attemptOf({ backendId, decision, status, error, firstByteMs, totalMs }: Attempt): Attempt {
  const attempt: Attempt = { backendId, totalMs: wholeMs(totalMs) };
  if (decision !== undefined) attempt.decision = decision;
  if (status !== undefined) attempt.status = wholeNumber(status);
  if (error !== undefined) attempt.error = error;
  if (firstByteMs !== undefined) attempt.firstByteMs = wholeMs(firstByteMs);
  return attempt;
}

function usageOf({ input, cachedInput, cacheWrite, output }: TokenUsage): TokenUsage {
  return { input, cachedInput, cacheWrite, output };
}

/** What is known at least of a call whose cost nobody knows. */
function countedOf(hold: Hold, usage: TokenUsage | undefined): { counted?: CountedUsage } {
  if (usage === undefined || !isValidUsage(usage)) return {};
  return { counted: { usage: usageOf(usage), cost: chargeForUsage(hold, usage).actual } };
}

const UNTRACED = { attempts: [], latencyMs: 0 } as const;

export function notFound(callId: CallId): EndDecision {
  return refused<LedgerRefusal>({
    code: 'call_not_found',
    message: `No open or unresolved call ${callId} is in this ledger; it was settled, or its id is wrong.`,
  });
}

/** What a call that charges nothing counts: one request, if a backend may have seen it. */
function uncharged(dispatched: boolean): (touch: Touch) => bigint {
  return ({ unit, amount }) => (dispatched && unit === 'requests' ? amount : 0n);
}

/** A settlement that would be lost if it were taken for a repeat: somebody must see it. */
function endedUncharged(callId: CallId, how: 'failed' | 'released'): EndDecision {
  return refused<LedgerRefusal>({
    code: 'call_not_open',
    message: `Call ${callId} was ${how} uncharged before; what it used cannot be settled any more.`,
  });
}

/** The hot path: fields are set one by one, since spreading optional ones costs more than all the rest of a decision. */
function completion(
  command: CompleteCall,
  { call, authorizedAt }: Hold,
  { actual, charged, excess }: Charge,
  late: boolean,
): LedgerEventOf<'InferenceCompleted'>['data'] {
  const { trace, usage } = command;
  const data: LedgerEventOf<'InferenceCompleted'>['data'] = {
    callId: call.callId,
    keyId: call.keyId,
    projectId: call.projectId,
    model: call.model,
    endpoint: call.endpoint,
    authorizedAt,
    attempts: trace.attempts.map(attemptOf),
    latencyMs: wholeMs(trace.latencyMs),
    stream: call.stream,
    outcome: command.outcome,
    usage: usageOf(usage),
    certainty: command.certainty,
    priceVersion: call.prices.version,
    actual,
    charged,
    excess,
    late,
  };
  if (call.teamId !== undefined) data.teamId = call.teamId;
  if (trace.upstreamRequestId !== undefined) data.upstreamRequestId = trace.upstreamRequestId;
  if (trace.firstByteMs !== undefined) data.firstByteMs = wholeMs(trace.firstByteMs);
  if (command.finishReason !== undefined) data.finishReason = command.finishReason;
  if (command.reason !== undefined) data.reason = command.reason;
  if (command.servedFrom !== undefined) data.servedFrom = command.servedFrom;
  return data;
}

/** Settles an open call, or an unresolved one late; after an operator's resolve it is recorded and moves no money. */
export function completeCall(command: CompleteCall, state: LedgerState, at: EpochMs): EndDecision {
  const how = entryAt(state.ended, command.callId, at);
  if (how !== undefined) return how === 'completed' ? accepted() : endedUncharged(command.callId, how);
  if (!isValidUsage(command.usage))
    return refused<LedgerRefusal>({ code: 'usage_invalid', message: 'Token counts are safe, non-negative integers.' });
  const open = state.holds.get(command.callId);
  const resolved = entryAt(state.resolved, command.callId, at);
  const hold = open ?? state.unresolved.get(command.callId) ?? resolved;
  if (hold === undefined) return notFound(command.callId);
  const isResolved = hold === resolved;
  if (isResolved && resolved.isSettled) return accepted();
  const { actual, charged, excess } = chargeForUsage(hold, command.usage);
  const completed: LedgerEvent = {
    type: 'InferenceCompleted',
    // The resolve has charged it; an excess is news all the same, since it says that the bound was none.
    data: completion(command, hold, { actual, charged: isResolved ? ZERO_USD : charged, excess }, open === undefined),
  };
  const tokens = usageTokens(command.usage);
  return accepted<LedgerEvent>(
    completed,
    ...(isResolved ? [] : thresholdsAfterSettling(hold, state, charged, tokens, open === undefined)),
  );
}

/** Whether the call has become unresolved, and perhaps been resolved since. */
function isPastOpen(state: LedgerState, callId: CallId, at: EpochMs): boolean {
  return state.unresolved.has(callId) || entryAt(state.resolved, callId, at) !== undefined;
}

/** A failure after dispatch: free where the backend never bills it, unresolved at the ceiling where nobody knows. */
export function failCall(command: FailCall, state: LedgerState, at: EpochMs): EndDecision {
  if (entryAt(state.ended, command.callId, at) !== undefined) return accepted();
  const hold = state.holds.get(command.callId);
  if (hold === undefined) return isPastOpen(state, command.callId, at) ? accepted() : notFound(command.callId);
  const failed: LedgerEvent = {
    type: 'InferenceFailed',
    data: {
      ...subjectOf(hold),
      ...traceOf(hold, command.trace),
      stream: hold.call.stream,
      error: command.error,
      billed: command.billed,
      ...(command.billed === 'unknown' ? countedOf(hold, command.counted) : {}),
    },
  };
  const counts = command.billed === 'never' ? uncharged(true) : ({ amount }: Touch) => amount;
  return accepted<LedgerEvent>(failed, ...thresholdEvents(hold, state, counts));
}

export function releaseCall(command: ReleaseCall, state: LedgerState, at: EpochMs): EndDecision {
  if (entryAt(state.ended, command.callId, at) !== undefined) return accepted();
  const hold = state.holds.get(command.callId);
  if (hold === undefined)
    return isPastOpen(state, command.callId, at)
      ? refused<LedgerRefusal>({
          code: 'call_not_open',
          message: `Call ${command.callId} is not open any more; an unresolved call is resolved, not released.`,
        })
      : notFound(command.callId);
  if (hold.call.owner !== command.owner)
    return refused<LedgerRefusal>({
      code: 'not_the_owner',
      message: 'Only the process that holds a call releases it.',
    });
  return accepted<LedgerEvent>(
    {
      type: 'InferenceReleased',
      data: {
        ...subjectOf(hold),
        ...traceOf(hold, command.trace),
        reason: command.reason,
        dispatched: command.dispatched,
      },
    },
    ...thresholdEvents(hold, state, uncharged(command.dispatched)),
  );
}

/** The owner no longer knows what its call cost: the whole hold counts until somebody resolves it. */
export function abandonCall(command: AbandonCall, state: LedgerState, at: EpochMs): EndDecision {
  if (entryAt(state.ended, command.callId, at) !== undefined) return accepted();
  const hold = state.holds.get(command.callId);
  if (hold === undefined) return isPastOpen(state, command.callId, at) ? accepted() : notFound(command.callId);
  return accepted<LedgerEvent>(
    {
      type: 'InferenceUnresolved',
      data: {
        ...subjectOf(hold),
        ...traceOf(hold, command.trace),
        reason: command.reason,
        holdCost: hold.call.holdCost,
        ...countedOf(hold, command.counted),
      },
    },
    ...thresholdEvents(hold, state, ({ amount }) => amount),
  );
}

/** Others may only expire a hold, always to unresolved at the ceiling: they cannot know that nothing was spent. */
export function expireCall(command: ExpireCall, state: LedgerState, at: EpochMs): EndDecision {
  const hold = state.holds.get(command.callId);
  if (hold === undefined) return accepted();
  if (command.cause === 'deadline' && at < hold.call.deadline)
    return refused<LedgerRefusal>({
      code: 'deadline_not_passed',
      message: `Call ${command.callId} may still end by itself.`,
    });
  return accepted<LedgerEvent>(
    {
      type: 'InferenceUnresolved',
      data: { ...subjectOf(hold), ...traceOf(hold, UNTRACED), reason: command.cause, holdCost: hold.call.holdCost },
    },
    ...thresholdEvents(hold, state, ({ amount }) => amount),
  );
}
