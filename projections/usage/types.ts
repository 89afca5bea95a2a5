import type { EpochMs, NanoUsd, OrganizationId, ProjectId } from '#kernel';
import type { Watermarked } from '../common';

/** What usage is split by. */
export const USAGE_DIMENSIONS = [
  'project',
  'team',
  'api-key',
  'model',
  'backend',
  'endpoint',
  'outcome',
  'code',
  'served-from',
] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Who answered a call: a backend was asked, or the response cache had it. */
export type ServedFrom = 'backend' | 'cache';

export const USAGE_OUTCOMES = [
  /** Answered in full. */
  'completed',
  /** The client left or the stream was cut; what was seen is charged. */
  'interrupted',
  /** Failed after dispatch and is known to cost nothing. */
  'failed',
  /** Ended without a charge: the backend refused it or was not reached. */
  'released',
  /** Nobody knows yet what it cost. */
  'unresolved',
  /** Was unresolved until somebody said what it cost. */
  'resolved',
  /** Not admitted. */
  'refused',
] as const;
export type UsageOutcome = (typeof USAGE_OUTCOMES)[number];

/** Any of the values, per dimension. */
export type UsageFilter = Partial<Readonly<Record<UsageDimension, readonly string[]>>>;

/** Values per dimension that was grouped by; `null` where a call has none, such as a project without a team. */
export type UsageKeys = Partial<Readonly<Record<UsageDimension, string | null>>>;

export type Granularity = 'hour' | 'day' | 'month' | 'total';

export interface UsageRangeParams {
  readonly orgId: OrganizationId;
  /** Inclusive; widened to the quarter of an hour that holds it. A call counts when it was authorized. */
  readonly from: EpochMs;
  /** Exclusive; widened to the end of the quarter of an hour. */
  readonly to: EpochMs;
  readonly granularity: Granularity;
  readonly groupBy?: readonly UsageDimension[];
  readonly where?: UsageFilter;
  /** IANA name; hours, days and months are local ones. Default: UTC. */
  readonly timeZone?: string;
}

/** The range that was answered, after widening. */
export interface AnsweredRange {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly granularity: Granularity;
  readonly timeZone: string;
}

/** A stretch of time and a combination of dimension values; those without any call are left out. */
export interface UsageGroup {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly keys: UsageKeys;
}

export interface UsageTotals {
  /** Calls that were admitted and have ended. */
  readonly calls: bigint;
  readonly refused: bigint;
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly cacheWriteTokens: bigint;
  readonly outputTokens: bigint;
  /** Of resolved calls, of which nobody knows the bucket. */
  readonly unsplitTokens: bigint;
  /** What was charged. */
  readonly cost: NanoUsd;
  /** What backends charged beyond what was held. */
  readonly excess: NanoUsd;
}

export type UsageReportParams = UsageRangeParams;
export interface UsageReport extends AnsweredRange, Watermarked {
  /** Ascending by time, then by keys. */
  readonly rows: readonly (UsageGroup & UsageTotals)[];
  readonly totals: UsageTotals;
}

/** Off by at most 3.2 %. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export type LatencyReportParams = UsageRangeParams;
/** Of completed calls, unless the filter names other outcomes. */
export interface LatencyFigures {
  readonly calls: bigint;
  /** From the request's arrival to its settlement; `null` without calls. */
  readonly latencyMs: Quantiles | null;
  /** From the request's arrival to the first byte for the client; `null` where none was measured. */
  readonly firstByteMs: Quantiles | null;
}
export interface LatencyReport extends AnsweredRange, Watermarked {
  readonly rows: readonly (UsageGroup & LatencyFigures)[];
  readonly totals: LatencyFigures;
}

export type ErrorsReportParams = UsageRangeParams;
export interface ErrorFigures {
  /** All that ended or were refused. */
  readonly calls: bigint;
  /** Those neither completed nor resolved nor interrupted by the client. */
  readonly errors: bigint;
  /** Errors among calls, 0 to 1. */
  readonly errorRate: number;
  /** Most frequent first. */
  readonly byCode: readonly { readonly outcome: UsageOutcome; readonly code: string | null; readonly calls: bigint }[];
}
export interface ErrorsReport extends AnsweredRange, Watermarked {
  readonly rows: readonly (UsageGroup & ErrorFigures)[];
  readonly totals: ErrorFigures;
}

export interface ProjectUsageTotalsParams {
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly model?: string;
}
export interface ProjectUsageTotals extends Watermarked {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly totals: UsageTotals;
  /** Ascending by model. */
  readonly models: readonly ({ readonly model: string } & UsageTotals)[];
}

export interface FreshnessParams {
  readonly orgId: OrganizationId;
  /** Calls and models of this project only; the watermark stays the organization's. */
  readonly projectId?: ProjectId;
}
export interface Freshness extends Watermarked {
  readonly openCalls: number;
  readonly unresolvedCalls: number;
  /** When the newest call of each model that has ended was authorized; ascending by model. */
  readonly models: readonly { readonly model: string; readonly lastCallAt: EpochMs }[];
}
