import { Map as ImmutableMap } from 'immutable';
import type {
  ApiKeyId,
  BackendId,
  BudgetId,
  CallId,
  EpochMs,
  EventId,
  NanoUsd,
  ProjectId,
  TeamId,
  TokenUsage,
} from '#kernel';
import { epochMs } from '#kernel';
import type {
  BudgetMode,
  BudgetPeriod,
  BudgetScope,
  BudgetUnit,
  InferenceAuthorized,
  Limits,
  ResolutionSource,
  UnresolvedPolicy,
} from './events';
import { type ExpiringMap, emptyExpiringMap } from './expiring-map';

/** How long a repeated settlement is recognized, and an answered call's Idempotency-Key remembered by the ledger. */
export const RECENT_CALLS_MS = 60_000;
/** How long the Idempotency-Key of a resolved call is remembered. */
export const RESOLVED_KEYS_MS = 24 * 3_600_000;
/** How long a resolve can be corrected, and a later settlement is known to move no money: beyond a month's invoice. */
export const RESOLVED_CALLS_MS = 45 * 24 * 3_600_000;
/** Beyond so many the oldest can no longer be corrected. */
export const RESOLVED_CALLS_MAX = 5_000;
/** Commands that have resolved or corrected one call and may be repeated, newest last. */
export const COMMANDS_PER_CALL_MAX = 8;

/** Where an organization has chosen none. */
export const DEFAULT_UNRESOLVED_POLICY: UnresolvedPolicy = { resolveAt: 'counted', afterSeconds: 24 * 3_600 };
/** Refusals of one kind are counted into one event per window. */
export const REFUSAL_WINDOW_MS = 10_000;

export interface BudgetDefinition {
  readonly budgetId: BudgetId;
  readonly name: string;
  readonly scope: BudgetScope;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  readonly limit: bigint;
  readonly mode: BudgetMode;
  readonly thresholds: readonly number[];
  readonly timeZone: string;
  readonly countedSince: EpochMs;
}

/** What one budget counts in one period, in the budget's unit. */
export interface PeriodCounter {
  readonly budgetId: BudgetId;
  readonly from: EpochMs;
  readonly to?: EpochMs;
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
  /** The highest threshold (percent) already announced; 0 for none. */
  readonly thresholdReached: number;
  readonly exceeded: boolean;
}

export interface Budget {
  readonly definition: BudgetDefinition;
  /** Start of the newest period that a call has opened. */
  readonly currentFrom?: EpochMs;
  /** An ended budget counts no further call; it stays readable. */
  readonly ended: boolean;
}

/** An authorized call that has not ended. */
export interface Hold {
  readonly call: InferenceAuthorized['data'];
  readonly authorizedAt: EpochMs;
}

export interface CountedUsage {
  readonly usage: TokenUsage;
  readonly cost: NanoUsd;
}

/** A call whose cost nobody knows yet: its whole hold counts. */
export interface UnresolvedCall extends Hold {
  readonly since: EpochMs;
  /** Why nobody knows it. */
  readonly reason: string;
  /** Where it was sent last; absent where that is not known, either. */
  readonly backendId?: BackendId;
  readonly counted?: CountedUsage;
}

/** What somebody, or the organization's policy, took a call to have cost. */
export interface Resolution {
  readonly source: ResolutionSource;
  readonly reason: string;
  readonly cost: NanoUsd;
  readonly charged: NanoUsd;
  readonly excess: NanoUsd;
  readonly tokens: bigint;
}

/** A call whose cost somebody decided. */
export interface ResolvedCall extends Hold {
  /** Its true cost came afterwards and was recorded, once. */
  readonly isSettled: boolean;
  readonly backendId?: BackendId;
  readonly counted?: CountedUsage;
  /** As it stands, corrections included. */
  readonly resolution: Resolution;
  readonly commandIds: readonly string[];
}

/** `level` is in sixty-thousandths of a token, so that a rate per minute refills by whole numbers every millisecond. */
export interface BucketLevel {
  readonly level: number;
  readonly at: EpochMs;
}

export interface RefusalWindow {
  readonly eventId: EventId;
  readonly from: EpochMs;
}

export type IdempotencyRecord = {
  readonly callId: CallId;
  /** HMAC of the body. */
  readonly body: string;
  readonly outcome: 'running' | 'answered' | 'unknown';
};

export type EndedCall = 'completed' | 'failed' | 'released';

/** Everything that the next decision depends on, and nothing else. Immutable: a batch that loses is simply forgotten. */
export interface LedgerState {
  /** Ledger time: the newest event's. */
  readonly time: EpochMs;
  readonly budgets: ImmutableMap<BudgetId, Budget>;
  /** Budgets in force, by `scopeKey`, so that a call looks only at those that it touches. */
  readonly budgetsByScope: ImmutableMap<string, readonly BudgetId[]>;
  /** By `periodKey`. Ended periods stay while a call in them is open or unresolved. */
  readonly periods: ImmutableMap<string, PeriodCounter>;
  readonly holds: ImmutableMap<CallId, Hold>;
  readonly unresolved: ImmutableMap<CallId, UnresolvedCall>;
  readonly openByKey: ImmutableMap<ApiKeyId, number>;
  /** What each key's unresolved calls hold. */
  readonly unresolvedByKey: ImmutableMap<ApiKeyId, NanoUsd>;
  /** Absent: the default. */
  readonly unresolvedPolicy?: UnresolvedPolicy;
  readonly organizationLimits: Limits;
  readonly keyLimits: ImmutableMap<ApiKeyId, Limits>;
  /** By `bucketKey`; an absent bucket is full. */
  readonly buckets: ImmutableMap<string, BucketLevel>;
  /** By `barKey`. */
  readonly bars: ImmutableMap<string, string>;
  readonly projectTeams: ImmutableMap<ProjectId, TeamId>;
  /** By `refusalKey`. */
  readonly refusals: ExpiringMap<RefusalWindow>;
  /** Idempotency-Keys of open calls. */
  readonly openKeys: ImmutableMap<string, CallId>;
  readonly recentKeys: ExpiringMap<IdempotencyRecord>;
  /** Idempotency-Keys of resolved calls: no store has a row of theirs, since their gateway died before it wrote one. */
  readonly resolvedKeys: ExpiringMap<IdempotencyRecord>;
  readonly ended: ExpiringMap<EndedCall>;
  readonly resolved: ExpiringMap<ResolvedCall>;
}

export const initialLedgerState: LedgerState = {
  time: epochMs(0),
  budgets: ImmutableMap(),
  budgetsByScope: ImmutableMap(),
  periods: ImmutableMap(),
  holds: ImmutableMap(),
  unresolved: ImmutableMap(),
  openByKey: ImmutableMap(),
  unresolvedByKey: ImmutableMap(),
  organizationLimits: {},
  keyLimits: ImmutableMap(),
  buckets: ImmutableMap(),
  bars: ImmutableMap(),
  projectTeams: ImmutableMap(),
  refusals: emptyExpiringMap(),
  openKeys: ImmutableMap(),
  recentKeys: emptyExpiringMap(),
  resolvedKeys: emptyExpiringMap(),
  ended: emptyExpiringMap(),
  resolved: emptyExpiringMap(),
};

export function periodKey(budgetId: BudgetId, from: EpochMs): string {
  return `${budgetId}@${from}`;
}

export function scopeKey(scope: BudgetScope): string {
  return scope.type === 'organization' ? scope.type : `${scope.type}:${scope.id}`;
}

export type BucketUnit = 'requests' | 'tokens';

/** A bucket of one key, or of the whole organization. */
export function bucketKey(unit: BucketUnit, keyId: ApiKeyId | 'organization'): string {
  return `${unit}:${keyId}`;
}

export function parseBucketKey(key: string): readonly [BucketUnit, ApiKeyId | 'organization'] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon) as BucketUnit, key.slice(colon + 1) as ApiKeyId | 'organization'];
}

export function barKey(subject: { readonly type: string; readonly id?: string }): string {
  return subject.id === undefined ? subject.type : `${subject.type}:${subject.id}`;
}

/** What all refusal keys of one API key begin with. */
export function refusalKeyPrefix(keyId: ApiKeyId): string {
  return `${keyId}|`;
}

export function refusalKey(keyId: ApiKeyId, code: string, model: string): string {
  return `${refusalKeyPrefix(keyId)}${code}|${model}`;
}
