import { type EpochMs, epochMs } from '#kernel';
import type { LedgerEventOf } from '../events';
import { bounded, pruned, withEntry, withReplacedValue } from '../expiring-map';
import {
  COMMANDS_PER_CALL_MAX,
  type Hold,
  type LedgerState,
  RESOLVED_CALLS_MAX,
  RESOLVED_CALLS_MS,
  RESOLVED_KEYS_MS,
  type Resolution,
  type ResolvedCall,
} from '../state';
import { moveAmounts, settleAmounts, withKeyFreed, withoutUnresolved } from './calls';

/** The answer, if there was one, is lost: a repeat of the key must not run the call again unseen. */
function withKeyResolved(state: LedgerState, hold: Hold, at: EpochMs): LedgerState {
  const { idempotency, callId } = hold.call;
  if (idempotency === undefined) return state;
  const record = { callId, body: idempotency.body, outcome: 'unknown' } as const;
  const until = epochMs(at + RESOLVED_KEYS_MS);
  return {
    ...withKeyFreed(state, hold),
    resolvedKeys: withEntry(pruned(state.resolvedKeys, at), idempotency.key, record, until),
  };
}

type Resolving = LedgerEventOf<'InferenceResolved'>['data'] | LedgerEventOf<'InferenceCorrected'>['data'];

function resolutionOf({ source, reason, cost, charged, excess, tokens }: Resolving): Resolution {
  return { source, reason, cost, charged, excess, tokens };
}

export function resolved(state: LedgerState, { data }: LedgerEventOf<'InferenceResolved'>, at: EpochMs): LedgerState {
  const call = state.unresolved.get(data.callId);
  if (call === undefined) return state;
  const entry: ResolvedCall = {
    call: call.call,
    authorizedAt: call.authorizedAt,
    isSettled: false,
    ...(call.backendId === undefined ? {} : { backendId: call.backendId }),
    ...(call.counted === undefined ? {} : { counted: call.counted }),
    resolution: resolutionOf(data),
    commandIds: data.commandId === undefined ? [] : [data.commandId],
  };
  const remembered = withEntry(pruned(state.resolved, at), data.callId, entry, epochMs(at + RESOLVED_CALLS_MS));
  return {
    ...withoutUnresolved(withKeyResolved(state, call, at), call),
    periods: settleAmounts(state, call, 'unresolved', data.charged, data.tokens),
    resolved: bounded(remembered, RESOLVED_CALLS_MAX),
  };
}

/** Periods that are forgotten need no adjusting here: nothing is decided by them any more, and views count for themselves. */
export function corrected(state: LedgerState, { data }: LedgerEventOf<'InferenceCorrected'>): LedgerState {
  const { callId, adjustments, commandId } = data;
  const before = state.resolved.entries.get(callId)?.value;
  const periods = moveAmounts(state, adjustments, (counter, { amount }) => ({
    ...counter,
    settled: counter.settled + amount,
  }));
  if (before === undefined) return { ...state, periods };
  const commandIds = [...before.commandIds, ...(commandId === undefined ? [] : [commandId])];
  const after = { ...before, resolution: resolutionOf(data), commandIds: commandIds.slice(-COMMANDS_PER_CALL_MAX) };
  return { ...state, periods, resolved: withReplacedValue(state.resolved, callId, after) };
}
