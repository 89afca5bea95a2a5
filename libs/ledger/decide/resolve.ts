import { accepted, type CallId, type EpochMs, type EventId, type NanoUsd, refused } from '#kernel';
import type { ResolveByPolicy, ResolveCall, ResolveCalls, UnresolvedFilter } from '../commands';
import type { LedgerEvent, ResolutionSource, Touch, UnresolvedPolicy } from '../events';
import { evolve } from '../evolve';
import { entryAt } from '../expiring-map';
import type { LedgerRefusal } from '../refusals';
import { chargeFor, settledAmount, usageTokens } from '../settlement';
import {
  type CountedUsage,
  DEFAULT_UNRESOLVED_POLICY,
  type Hold,
  type LedgerState,
  type Resolution,
  type ResolvedCall,
  type UnresolvedCall,
} from '../state';
import { type EndDecision, notFound, subjectOf } from './end-call';
import { thresholdEvents, thresholdsAfterSettling } from './threshold-events';

/** One decision is one append: so many calls, with the thresholds that they reach, fit into it. */
export const RESOLVED_AT_ONCE_MAX = 100;

/** What somebody says about one call. */
interface Verdict {
  readonly source: ResolutionSource;
  readonly reason: string;
  readonly cost: NanoUsd;
  readonly tokens?: bigint;
  readonly commandId?: string;
}

type Lost = Hold & { readonly counted?: CountedUsage };

/** Without a number: none for a cost of 0, the counted ones where known, else as many as were held. */
function tokensOf(call: Lost, { cost, tokens }: Verdict): bigint {
  if (tokens !== undefined) return tokens;
  if (cost === 0n) return 0n;
  return call.counted === undefined ? call.call.holdTokens : usageTokens(call.counted.usage);
}

function resolutionOf(call: Lost, verdict: Verdict): Resolution {
  const { source, reason, cost } = verdict;
  const { charged, excess } = chargeFor(call, cost);
  return { source, reason, cost, charged, excess, tokens: tokensOf(call, verdict) };
}

function tagged({ commandId }: Verdict): { commandId?: string } {
  return commandId === undefined ? {} : { commandId };
}

function resolved(call: UnresolvedCall, verdict: Verdict, state: LedgerState): LedgerEvent[] {
  const resolution = resolutionOf(call, verdict);
  const subject = { ...subjectOf(call), authorizedAt: call.authorizedAt };
  return [
    { type: 'InferenceResolved', data: { ...subject, ...resolution, ...tagged(verdict) } },
    ...thresholdsAfterSettling(call, state, resolution.charged, resolution.tokens, true),
  ];
}

/** An adjusting event: budgets count afterwards what they would, had the call been resolved so in the first place. */
function corrected(call: ResolvedCall, verdict: Verdict, state: LedgerState): LedgerEvent[] {
  const after = resolutionOf(call, verdict);
  const { cost, charged, excess, tokens } = call.resolution;
  if (after.cost === cost && after.tokens === tokens) return [];
  const difference = (touch: Touch) =>
    settledAmount(touch, after.charged, after.tokens) - settledAmount(touch, charged, tokens);
  const adjustments = call.call.touches
    .map((touch) => ({ ...touch, amount: difference(touch) }))
    .filter(({ amount }) => amount !== 0n);
  const subject = {
    ...subjectOf(call),
    authorizedAt: call.authorizedAt,
    ...(call.backendId === undefined ? {} : { backendId: call.backendId }),
    ...(call.counted === undefined ? {} : { counted: call.counted }),
  };
  const before = { cost, charged, excess, tokens };
  return [
    { type: 'InferenceCorrected', data: { ...subject, ...after, before, adjustments, ...tagged(verdict) } },
    ...thresholdEvents(call, state, difference),
  ];
}

function isPossible({ cost, tokens = 0n }: Pick<Verdict, 'cost' | 'tokens'>): boolean {
  return cost >= 0n && tokens >= 0n;
}

const IMPOSSIBLE = refused<LedgerRefusal>({ code: 'usage_invalid', message: 'Cost and tokens are not negative.' });

/** Resolves an unresolved call, or corrects how it was resolved; the same again decides nothing. */
export function resolveCall(command: ResolveCall, state: LedgerState, at: EpochMs): EndDecision {
  const { callId, commandId } = command;
  const call = state.unresolved.get(callId);
  const before = entryAt(state.resolved, callId, at);
  if (call === undefined && before === undefined)
    return state.holds.has(callId)
      ? refused<LedgerRefusal>({
          code: 'call_not_unresolved',
          message: 'The call is still running; wait until it ends.',
        })
      : notFound(callId);
  if (!isPossible(command)) return IMPOSSIBLE;
  if (call !== undefined) return accepted(...resolved(call, command, state));
  if (before === undefined || (commandId !== undefined && before.commandIds.includes(commandId))) return accepted();
  return accepted(...corrected(before, command, state));
}

function isMeant({ call, authorizedAt, reason }: UnresolvedCall, filter: UnresolvedFilter): boolean {
  return (
    (filter.model === undefined || filter.model === call.model) &&
    (filter.keyId === undefined || filter.keyId === call.keyId) &&
    (filter.projectId === undefined || filter.projectId === call.projectId) &&
    (filter.from === undefined || authorizedAt >= filter.from) &&
    (filter.to === undefined || authorizedAt < filter.to) &&
    (filter.reason === undefined || filter.reason === reason)
  );
}

/** Those that have been unresolved for longest first. */
export function unresolvedCalls(state: LedgerState, filter: UnresolvedFilter): readonly UnresolvedCall[] {
  const meant = [...state.unresolved.values()].filter((call) => isMeant(call, filter));
  return meant.sort((a, b) => a.since - b.since || (a.call.callId < b.call.callId ? -1 : 1));
}

/** Calls that a command which may be repeated has resolved, by id, as they stand now. */
export function resolvedBy(state: LedgerState, commandId: string): readonly ResolvedCall[] {
  const entries = [...state.resolved.entries.values()].map(({ value }) => value);
  return entries
    .filter(({ commandIds }) => commandIds.includes(commandId))
    .sort((a, b) => (a.call.callId < b.call.callId ? -1 : 1));
}

/** At the ceiling all that was held counts, tokens as well as money, whatever is known of them at least. */
function amountsAt(call: UnresolvedCall, at: UnresolvedPolicy['resolveAt']): Pick<Verdict, 'cost' | 'tokens'> {
  return at === 'counted' && call.counted !== undefined
    ? { cost: call.counted.cost }
    : { cost: call.call.holdCost, tokens: call.call.holdTokens };
}

/** Of an event that is only decided, and not recorded yet. */
const NO_EVENT_ID = '' as EventId;

/** Resolves a page of calls in one decision. */
export function resolveCalls(command: ResolveCalls, state: LedgerState, at: EpochMs): EndDecision {
  const { filter, source, reason, commandId, callsMax } = command;
  if (!Number.isInteger(callsMax) || callsMax < 1 || callsMax > RESOLVED_AT_ONCE_MAX)
    return refused<LedgerRefusal>({
      code: 'resolve_invalid',
      message: `1 to ${RESOLVED_AT_ONCE_MAX} calls are resolved at once; repeat it for more.`,
    });
  const fixed = command.at.kind === 'cost' ? command.at.cost : undefined;
  if (fixed !== undefined && !isPossible({ cost: fixed })) return IMPOSSIBLE;
  if (resolvedBy(state, commandId).length > 0) return accepted();
  const events: LedgerEvent[] = [];
  let after = state;
  for (const call of unresolvedCalls(state, filter).slice(0, callsMax)) {
    const amounts =
      fixed === undefined ? amountsAt(call, command.at.kind === 'ceiling' ? 'ceiling' : 'counted') : { cost: fixed };
    const decided = resolved(call, { source, reason, ...amounts, commandId }, after);
    // Each reaches thresholds on top of the ones before it.
    after = decided.reduce((folded, event) => evolve(folded, { id: NO_EVENT_ID, event, at }), after);
    events.push(...decided);
  }
  return accepted(...events);
}

export function unresolvedPolicy(state: LedgerState): UnresolvedPolicy {
  return state.unresolvedPolicy ?? DEFAULT_UNRESOLVED_POLICY;
}

function policyReason({ resolveAt, afterSeconds }: UnresolvedPolicy, call: UnresolvedCall): string {
  const what = resolveAt === 'counted' && call.counted !== undefined ? 'the counted amount' : 'the ceiling';
  return `by the policy of the organization: ${what}, after ${afterSeconds} s`;
}

/** When the policy resolves a call; `undefined`: never. */
export function resolvedByPolicyAt(state: LedgerState, { since }: UnresolvedCall): number | undefined {
  const { resolveAt, afterSeconds } = unresolvedPolicy(state);
  return resolveAt === 'never' ? undefined : since + afterSeconds * 1_000;
}

/** Decided by the record alone, so it makes no difference which process asks, how often, or after which crash. */
export function resolveByPolicy({ callId }: ResolveByPolicy, state: LedgerState, at: EpochMs): EndDecision {
  const call = state.unresolved.get(callId);
  const dueAt = call === undefined ? undefined : resolvedByPolicyAt(state, call);
  if (call === undefined || dueAt === undefined || at < dueAt) return accepted();
  const policy = unresolvedPolicy(state);
  const verdict = {
    source: 'policy',
    reason: policyReason(policy, call),
    ...amountsAt(call, policy.resolveAt),
  } as const;
  return accepted(...resolved(call, verdict, state));
}

export function hasBeenResolved(state: LedgerState, callId: CallId, at: EpochMs): boolean {
  return entryAt(state.resolved, callId, at) !== undefined;
}
