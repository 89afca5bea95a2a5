import { type DecodedEvent, type NanoUsd, nanoUsd, type TokenUsage, totalTokens } from '#kernel';
import type { LedgerEvent, LedgerEventOf } from '#ledger';
import { EMPTY_HISTOGRAM, type EncodedHistogram, Histogram, histogramOf } from '#read-store';
import { organizationOf } from '../calls';
import { boundedCode, type Contribution, NO_SUMS, negated, type PendingCall, tokenSums } from './contribution';
import { SUM_COLUMNS, type UsageRow, type UsageSlot, type UsageSums, type UsageTotal } from './tables';
import type { UsageOutcome } from './types';

export type UsageEvent = Extract<
  LedgerEvent,
  {
    type:
      | 'InferenceCompleted'
      | 'InferenceFailed'
      | 'InferenceReleased'
      | 'InferenceUnresolved'
      | 'InferenceResolved'
      | 'InferenceCorrected'
      | 'InferenceRefused'
      | 'RefusalsCounted';
  }
>;
type EndEvent = Exclude<
  UsageEvent,
  { type: 'InferenceResolved' | 'InferenceCorrected' | 'InferenceRefused' | 'RefusalsCounted' }
>;

/** What an event changes: contributions put in and taken out, and what is remembered of the call. */
export interface UsageChange {
  readonly added: readonly Contribution[];
  readonly removed: readonly Contribution[];
  /** A call that has become unresolved; `null`: it no longer is; absent: nothing is remembered. */
  readonly pending?: PendingCall | null;
}

const NOTHING: UsageChange = { added: [], removed: [] };

function ended(
  { data }: EndEvent,
  event: DecodedEvent<LedgerEvent>,
  outcome: UsageOutcome,
  code: string | null,
  sums: Partial<UsageSums> = {},
): Contribution {
  const { attempts, latencyMs, firstByteMs } = data;
  const backendId = attempts.at(-1)?.backendId ?? null;
  const isCached = 'servedFrom' in data && data.servedFrom === 'cache';
  const slot: UsageSlot = {
    orgId: organizationOf(event),
    projectId: data.projectId,
    teamId: data.teamId ?? null,
    keyId: data.keyId,
    model: data.model,
    backendId,
    endpoint: data.endpoint,
    outcome,
    code: code === null ? null : boundedCode(code),
    servedFrom: isCached ? 'cache' : backendId === null ? null : 'backend',
  };
  return {
    slot,
    at: data.authorizedAt,
    sums: { ...NO_SUMS, calls: 1, ...sums },
    // An expired call was not measured by anybody.
    ...(attempts.length === 0 && latencyMs === 0 ? {} : { latencyMs }),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
  };
}

function completed(
  change: LedgerEventOf<'InferenceCompleted'>,
  event: DecodedEvent<LedgerEvent>,
  pending: PendingCall | undefined,
): UsageChange {
  const { outcome, usage, charged, excess, late } = change.data;
  // Somebody has resolved the call already: its settlement is recorded, and moves nothing.
  if (late && pending === undefined) return NOTHING;
  const added = ended(change, event, outcome === 'complete' ? 'completed' : 'interrupted', null, {
    ...tokenSums(usage),
    cost: charged,
    excess,
  });
  if (pending === undefined) return { added: [added], removed: [] };
  return { added: [added], removed: [pending.contribution], pending: null };
}

/** Of which buckets they are is known only where they are those that were counted. */
function tokensOfResolve(tokens: bigint, counted: TokenUsage | undefined): Partial<UsageSums> {
  const isCounted = counted !== undefined && BigInt(totalTokens(counted)) === tokens;
  return isCounted ? tokenSums(counted) : { unsplitTokens: Number(tokens) };
}

/** What is to be added to the row of a resolved call, negative where it was too much; the call itself is in it. */
function corrected({ data }: LedgerEventOf<'InferenceCorrected'>, event: DecodedEvent<LedgerEvent>): UsageChange {
  const { before, counted, backendId = null } = data;
  const slot: UsageSlot = {
    orgId: organizationOf(event),
    projectId: data.projectId,
    teamId: data.teamId ?? null,
    keyId: data.keyId,
    model: data.model,
    backendId,
    endpoint: data.endpoint,
    outcome: 'resolved',
    code: null,
    servedFrom: backendId === null ? null : 'backend',
  };
  const sumsOf = ({ tokens, charged, excess }: Pick<typeof data, 'tokens' | 'charged' | 'excess'>): UsageSums => ({
    ...NO_SUMS,
    ...tokensOfResolve(tokens, counted?.usage),
    cost: charged,
    excess,
  });
  const at = data.authorizedAt;
  return { added: [{ slot, at, sums: sumsOf(data) }], removed: [{ slot, at, sums: sumsOf(before) }] };
}

function resolved({ data }: LedgerEventOf<'InferenceResolved'>, pending: PendingCall | undefined): UsageChange {
  if (pending === undefined) return NOTHING;
  const { contribution, counted } = pending;
  const tokens = tokensOfResolve(data.tokens, counted);
  const added: Contribution = {
    ...contribution,
    slot: { ...contribution.slot, outcome: 'resolved', code: null },
    sums: { ...NO_SUMS, calls: 1, ...tokens, cost: data.charged, excess: data.excess },
  };
  return { added: [added], removed: [contribution], pending: null };
}

function refused(
  { data }: LedgerEventOf<'InferenceRefused'> | LedgerEventOf<'RefusalsCounted'>,
  event: DecodedEvent<LedgerEvent>,
): UsageChange {
  const slot: UsageSlot = {
    orgId: organizationOf(event),
    projectId: data.projectId,
    teamId: data.teamId ?? null,
    keyId: data.keyId,
    model: data.model,
    backendId: null,
    endpoint: 'endpoint' in data ? data.endpoint : null,
    outcome: 'refused',
    code: boundedCode(data.code),
    servedFrom: null,
  };
  if (!('count' in data))
    return { added: [{ slot, at: event.metadata.at, sums: { ...NO_SUMS, refused: 1 } }], removed: [] };
  // Those that it counts lie within one quarter of an hour; older records know no more than when their window began.
  const at = data.times?.[0] ?? data.from;
  return { added: [{ slot, at, sums: { ...NO_SUMS, refused: data.count } }], removed: [] };
}

function unresolved(contribution: Contribution, counted?: PendingCall['counted']): UsageChange {
  return {
    added: [contribution],
    removed: [],
    pending: { contribution, ...(counted === undefined ? {} : { counted }) },
  };
}

/** What one event does to usage, given what is remembered of its call. */
export function usageChange(event: DecodedEvent<UsageEvent>, pending: PendingCall | undefined): UsageChange {
  const change = event.event;
  switch (change.type) {
    case 'InferenceCompleted':
      return completed(change, event, pending);
    case 'InferenceFailed': {
      const { error, billed, counted } = change.data;
      return billed === 'unknown'
        ? unresolved(ended(change, event, 'unresolved', error), counted?.usage)
        : { added: [ended(change, event, 'failed', error)], removed: [] };
    }
    case 'InferenceReleased':
      return { added: [ended(change, event, 'released', change.data.reason)], removed: [] };
    case 'InferenceUnresolved':
      return unresolved(ended(change, event, 'unresolved', change.data.reason), change.data.counted?.usage);
    case 'InferenceResolved':
      return resolved(change, pending);
    case 'InferenceCorrected':
      return corrected(change, event);
    case 'InferenceRefused':
    case 'RefusalsCounted':
      return refused(change, event);
  }
}

/** Appending is cheap and means addition; now and then the text is brought back to its shortest form. */
const APPENDED_LENGTH_MAX = 8_192;

function recorded(histogram: EncodedHistogram, value: number | undefined, sign: 1 | -1): EncodedHistogram {
  if (value === undefined) return histogram;
  if (sign === -1) return Histogram.decode(histogram).record(value, -1).encode();
  const appended = histogram + histogramOf(value);
  return appended.length > APPENDED_LENGTH_MAX ? Histogram.decode(appended).encode() : appended;
}

/** What a row can hold; 64 bits of nano-USD are nine billion USD. */
const AMOUNT_MAX = nanoUsd(2n ** 63n - 1n);

/**
 * Sums end where a row does. Only a backend that reports quadrillions of tokens comes so far, and no figure of its may
 * keep the views from what everybody else does.
 */
function count(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}

function amount(sum: bigint): NanoUsd {
  return sum > AMOUNT_MAX ? AMOUNT_MAX : nanoUsd(sum);
}

function added(row: UsageSums, sums: UsageSums): UsageSums {
  return {
    calls: row.calls + sums.calls,
    refused: count(row.refused + sums.refused),
    inputTokens: count(row.inputTokens + sums.inputTokens),
    cachedInputTokens: count(row.cachedInputTokens + sums.cachedInputTokens),
    cacheWriteTokens: count(row.cacheWriteTokens + sums.cacheWriteTokens),
    outputTokens: count(row.outputTokens + sums.outputTokens),
    unsplitTokens: count(row.unsplitTokens + sums.unsplitTokens),
    cost: amount(row.cost + sums.cost),
    excess: amount(row.excess + sums.excess),
  };
}

function isNothing(sums: UsageSums): boolean {
  return SUM_COLUMNS.every((column) => sums[column] === 0 || sums[column] === 0n);
}

/** A row after a contribution was put in or taken out; `undefined` when it counts nothing any more. */
export function evolveRow(
  before: UsageRow | undefined,
  bucket: number,
  contribution: Contribution,
  sign: 1 | -1,
): UsageRow | undefined {
  const { slot, at, latencyMs, firstByteMs } = contribution;
  const sums = sign === 1 ? contribution.sums : negated(contribution.sums);
  const row = before ?? {
    ...slot,
    ...NO_SUMS,
    bucket,
    latency: EMPTY_HISTOGRAM,
    firstByte: EMPTY_HISTOGRAM,
    lastAt: 0,
  };
  const after: UsageRow = {
    ...row,
    ...added(row, sums),
    latency: recorded(row.latency, latencyMs, sign),
    firstByte: recorded(row.firstByte, firstByteMs, sign),
    lastAt: slot.outcome === 'refused' ? row.lastAt : Math.max(row.lastAt, at),
  };
  return isNothing(after) ? undefined : after;
}

/** The same for a total. Written out, for it is done eight times per call, and copying by spread costs five times as much. */
export function evolveTotal(
  before: UsageTotal | undefined,
  { orgId, scope, bucket }: Pick<UsageTotal, 'orgId' | 'scope' | 'bucket'>,
  { sums }: Contribution,
  sign: 1 | -1,
): UsageTotal | undefined {
  const was = before ?? NO_SUMS;
  const more = sign === 1 ? sums : negated(sums);
  const after = {
    orgId,
    scope,
    bucket,
    calls: was.calls + more.calls,
    refused: count(was.refused + more.refused),
    inputTokens: count(was.inputTokens + more.inputTokens),
    cachedInputTokens: count(was.cachedInputTokens + more.cachedInputTokens),
    cacheWriteTokens: count(was.cacheWriteTokens + more.cacheWriteTokens),
    outputTokens: count(was.outputTokens + more.outputTokens),
    unsplitTokens: count(was.unsplitTokens + more.unsplitTokens),
    cost: amount(was.cost + more.cost),
    excess: amount(was.excess + more.excess),
  };
  return isNothing(after) ? undefined : after;
}
