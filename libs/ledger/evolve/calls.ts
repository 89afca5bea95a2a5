import { type EpochMs, type EventId, epochMs, type NanoUsd, nanoUsd, totalTokens } from '#kernel';
import type { Attempt, LedgerEventOf, Touch } from '../events';
import { entryAt, pruned, withEntry, withReplacedValue } from '../expiring-map';
import { bucketAfter, bucketDemand, bucketsOf } from '../limits';
import { settledAmount } from '../settlement';
import {
  type EndedCall,
  type Hold,
  type LedgerState,
  type PeriodCounter,
  periodKey,
  RECENT_CALLS_MS,
  REFUSAL_WINDOW_MS,
  refusalKey,
  type UnresolvedCall,
} from '../state';
import { withoutFinishedPeriod } from './budgets';

/** Moves amounts between the three sums of each budget that a call touched. */
export function moveAmounts(
  state: LedgerState,
  touches: readonly Touch[],
  move: (counter: PeriodCounter, touch: Touch) => PeriodCounter,
): LedgerState['periods'] {
  let { periods } = state;
  for (const touch of touches) {
    const key = periodKey(touch.budgetId, touch.from);
    const counter = periods.get(key);
    if (counter === undefined) continue;
    periods = withoutFinishedPeriod(state, periods.set(key, move(counter, touch)), key);
  }
  return periods;
}

/** Draws from (or refunds to) the buckets that a call of this key uses. */
function drawBuckets(state: LedgerState, hold: Hold, at: EpochMs, draw: { requests: number; tokens: number }) {
  let { buckets } = state;
  for (const ref of bucketsOf(state, hold.call.keyId)) {
    const amount = draw[ref.unit];
    if (amount === 0) continue;
    const taken = amount > 0 ? bucketDemand(ref.shape, amount) : -bucketDemand(ref.shape, -amount);
    const after = bucketAfter(ref.shape, buckets.get(ref.key), taken, at);
    buckets = after === undefined ? buckets.delete(ref.key) : buckets.set(ref.key, after);
  }
  return buckets;
}

/**
 * Replaces a call's estimate in the token buckets by what it used. Both are taken as at most a full bucket, or a call
 * whose estimate was cut down to one would get back more than it took.
 */
function correctTokenBuckets(state: LedgerState, { call }: Hold, tokens: number, at: EpochMs) {
  let { buckets } = state;
  for (const { key, unit, shape } of bucketsOf(state, call.keyId)) {
    const correction = bucketDemand(shape, tokens) - bucketDemand(shape, call.rateTokens);
    if (unit !== 'tokens' || correction === 0) continue;
    const after = bucketAfter(shape, buckets.get(key), correction, at);
    buckets = after === undefined ? buckets.delete(key) : buckets.set(key, after);
  }
  return buckets;
}

export function authorized(
  state: LedgerState,
  { data: call }: LedgerEventOf<'InferenceAuthorized'>,
  at: EpochMs,
): LedgerState {
  const hold: Hold = { call, authorizedAt: at };
  return {
    ...state,
    holds: state.holds.set(call.callId, hold),
    openByKey: state.openByKey.set(call.keyId, (state.openByKey.get(call.keyId) ?? 0) + 1),
    periods: moveAmounts(state, call.touches, (counter, { amount }) => ({ ...counter, held: counter.held + amount })),
    buckets: drawBuckets(state, hold, at, { requests: 1, tokens: call.rateTokens }),
    openKeys: call.idempotency === undefined ? state.openKeys : state.openKeys.set(call.idempotency.key, call.callId),
  };
}

/** Takes a call out of the open ones; everything about it that only mattered while it ran. */
function withoutHold(state: LedgerState, hold: Hold): LedgerState {
  const { call } = hold;
  const open = (state.openByKey.get(call.keyId) ?? 1) - 1;
  return {
    ...state,
    holds: state.holds.delete(call.callId),
    openByKey: open === 0 ? state.openByKey.delete(call.keyId) : state.openByKey.set(call.keyId, open),
  };
}

function withEnded(state: LedgerState, hold: Hold, how: EndedCall, at: EpochMs): LedgerState {
  return {
    ...state,
    ended: withEntry(pruned(state.ended, at), hold.call.callId, how, epochMs(at + RECENT_CALLS_MS)),
  };
}

/** Frees the Idempotency-Key of a call that charged nothing. */
export function withKeyFreed(state: LedgerState, { call }: Hold): LedgerState {
  return call.idempotency === undefined ? state : { ...state, openKeys: state.openKeys.delete(call.idempotency.key) };
}

function withKeyAnswered(state: LedgerState, hold: Hold, outcome: 'answered' | 'unknown', at: EpochMs): LedgerState {
  const { idempotency, callId } = hold.call;
  if (idempotency === undefined) return state;
  return {
    ...withKeyFreed(state, hold),
    recentKeys: withEntry(
      pruned(state.recentKeys, at),
      idempotency.key,
      { callId, body: idempotency.body, outcome },
      epochMs(at + RECENT_CALLS_MS),
    ),
  };
}

export function settleAmounts(
  state: LedgerState,
  hold: Hold,
  from: 'held' | 'unresolved',
  charged: NanoUsd,
  tokens: bigint,
) {
  return moveAmounts(state, hold.call.touches, (counter, touch) => ({
    ...counter,
    [from]: counter[from] - touch.amount,
    settled: counter.settled + settledAmount(touch, charged, tokens),
  }));
}

export function completed(state: LedgerState, { data }: LedgerEventOf<'InferenceCompleted'>, at: EpochMs): LedgerState {
  const tokens = totalTokens(data.usage);
  // An interrupted answer is not one that a repeat could be given.
  const keyOutcome = data.outcome === 'complete' ? 'answered' : 'unknown';
  const open = state.holds.get(data.callId);
  if (open !== undefined) {
    const next = withKeyAnswered(withEnded(withoutHold(state, open), open, 'completed', at), open, keyOutcome, at);
    return {
      ...next,
      periods: settleAmounts(state, open, 'held', data.charged, BigInt(tokens)),
      buckets: correctTokenBuckets(state, open, tokens, at),
    };
  }
  const late = state.unresolved.get(data.callId);
  if (late === undefined) {
    const settledElsewhere = entryAt(state.resolved, data.callId, at);
    if (settledElsewhere === undefined) return state;
    const settled = { ...settledElsewhere, isSettled: true };
    return { ...state, resolved: withReplacedValue(state.resolved, data.callId, settled) };
  }
  const next = withKeyAnswered(withEnded(state, late, 'completed', at), late, keyOutcome, at);
  return {
    ...withoutUnresolved(next, late),
    periods: settleAmounts(state, late, 'unresolved', data.charged, BigInt(tokens)),
  };
}

/** Takes a call out of the unresolved ones. */
export function withoutUnresolved(state: LedgerState, { call }: Hold): LedgerState {
  const left = (state.unresolvedByKey.get(call.keyId) ?? 0n) - call.holdCost;
  const { unresolvedByKey } = state;
  return {
    ...state,
    unresolved: state.unresolved.delete(call.callId),
    unresolvedByKey: left <= 0n ? unresolvedByKey.delete(call.keyId) : unresolvedByKey.set(call.keyId, nanoUsd(left)),
  };
}

interface Loss {
  readonly reason: string;
  readonly attempts: readonly Attempt[];
  readonly counted?: UnresolvedCall['counted'] | undefined;
}

function toUnresolved(state: LedgerState, hold: Hold, at: EpochMs, { reason, attempts, counted }: Loss): LedgerState {
  const { callId, keyId, holdCost } = hold.call;
  const backendId = attempts.at(-1)?.backendId;
  const lost = { ...hold, since: at, reason, ...(backendId === undefined ? {} : { backendId }) };
  return {
    ...withoutHold(state, hold),
    unresolved: state.unresolved.set(callId, counted === undefined ? lost : { ...lost, counted }),
    unresolvedByKey: state.unresolvedByKey.set(keyId, nanoUsd((state.unresolvedByKey.get(keyId) ?? 0n) + holdCost)),
    periods: moveAmounts(state, hold.call.touches, (counter, { amount }) => ({
      ...counter,
      held: counter.held - amount,
      unresolved: counter.unresolved + amount,
    })),
  };
}

export function unresolved(
  state: LedgerState,
  { data }: LedgerEventOf<'InferenceUnresolved'>,
  at: EpochMs,
): LedgerState {
  const hold = state.holds.get(data.callId);
  return hold === undefined ? state : toUnresolved(state, hold, at, data);
}

/** Gives back what an uncharged call held; a dispatched one still counts as one request. */
function withoutCharge(state: LedgerState, hold: Hold, how: EndedCall, dispatched: boolean, at: EpochMs): LedgerState {
  const next = withKeyFreed(withEnded(withoutHold(state, hold), hold, how, at), hold);
  return {
    ...next,
    periods: moveAmounts(state, hold.call.touches, (counter, touch) => ({
      ...counter,
      held: counter.held - touch.amount,
      settled: counter.settled + (dispatched && touch.unit === 'requests' ? touch.amount : 0n),
    })),
    buckets: drawBuckets(state, hold, at, { requests: dispatched ? 0 : -1, tokens: -hold.call.rateTokens }),
  };
}

export function failed(state: LedgerState, { data }: LedgerEventOf<'InferenceFailed'>, at: EpochMs): LedgerState {
  const hold = state.holds.get(data.callId);
  if (hold === undefined) return state;
  const { billed, error: reason, attempts, counted } = data;
  if (billed === 'never') return withoutCharge(state, hold, 'failed', true, at);
  return toUnresolved(state, hold, at, { reason, attempts, counted });
}

export function released(state: LedgerState, { data }: LedgerEventOf<'InferenceReleased'>, at: EpochMs): LedgerState {
  const hold = state.holds.get(data.callId);
  return hold === undefined ? state : withoutCharge(state, hold, 'released', data.dispatched, at);
}

/** Opens the window in which further refusals of this kind are only counted. */
export function refusalRecorded(
  state: LedgerState,
  { data }: LedgerEventOf<'InferenceRefused'> | LedgerEventOf<'RefusalsCounted'>,
  at: EpochMs,
  eventId: EventId,
): LedgerState {
  return {
    ...state,
    refusals: withEntry(
      pruned(state.refusals, at),
      refusalKey(data.keyId, data.code, data.model),
      { eventId, from: at },
      epochMs(at + REFUSAL_WINDOW_MS),
    ),
  };
}
