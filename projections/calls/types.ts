import type {
  ApiKeyId,
  BackendId,
  BudgetId,
  CallId,
  Certainty,
  EpochMs,
  EventId,
  ModelId,
  NanoUsd,
  OrganizationId,
  ProjectId,
  TeamId,
  TokenUsage,
} from '#kernel';
import type { Attempt, BudgetUnit, Endpoint } from '#ledger';
import type { Watermarked } from '../common';
import type { UsageOutcome } from '../usage/types';

/** `open`: authorized, and not ended yet. */
export type CallOutcome = 'open' | UsageOutcome;

/** What a list shows of a call. */
export interface CallSummary {
  readonly callId: CallId;
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  readonly teamId?: TeamId;
  readonly keyId: ApiKeyId;
  readonly model: ModelId;
  /** Absent for refusals that were only counted. */
  readonly endpoint?: Endpoint;
  /** Where the last attempt went, or the first would have. */
  readonly backendId?: BackendId;
  readonly outcome: CallOutcome;
  /** Why it was refused, failed, released or left unresolved. */
  readonly code?: string;
  /** When it was authorized or refused. */
  readonly at: EpochMs;
  readonly endedAt?: EpochMs;
  readonly latencyMs?: number;
  readonly firstByteMs?: number;
  readonly usage?: TokenUsage;
  readonly charged: NanoUsd;
  readonly stream?: boolean;
}

/** A budget that the call touched, with what it held there. */
export interface CallTouch {
  readonly budgetId: BudgetId;
  readonly from: EpochMs;
  readonly unit: BudgetUnit;
  /** In the budget's unit. */
  readonly amount: bigint;
}

/** Everything that the record says about one call. */
export interface CallRecord extends CallSummary {
  readonly certainty?: Certainty;
  readonly priceVersion?: number;
  readonly hold?: { readonly cost: NanoUsd; readonly tokens: bigint; readonly outputTokensCap: number };
  /** What the tokens cost, before the hold capped it. */
  readonly actual?: NanoUsd;
  readonly excess: NanoUsd;
  /** Budgets that the decision touched. */
  readonly touches: readonly CallTouch[];
  readonly attempts: readonly Attempt[];
  readonly finishReason?: string;
  /** Answered from the organization's response cache; no backend was asked. */
  readonly servedFrom?: 'cache';
  readonly upstreamRequestId?: string;
  readonly clientRequestId?: string;
  /** What was seen before the call was lost. */
  readonly counted?: { readonly usage: TokenUsage; readonly cost: NanoUsd };
  readonly resolution?: {
    readonly source: 'operator' | 'reconciliation' | 'policy';
    readonly reason: string;
    readonly cost: NanoUsd;
    readonly tokens: bigint;
    readonly at: EpochMs;
  };
  /** What it was taken to have cost before, oldest first; `resolution` is how it stands. At most the newest 50. */
  readonly corrections?: readonly {
    readonly cost: NanoUsd;
    readonly charged: NanoUsd;
    readonly tokens: bigint;
    /** Until when. */
    readonly at: EpochMs;
  }[];
  /** Settled after somebody had resolved it: recorded, and moved no money. */
  readonly settledAfterResolution?: { readonly usage: TokenUsage; readonly actual: NanoUsd; readonly at: EpochMs };
  /** Its events, oldest first. */
  readonly events: readonly { readonly id: EventId; readonly type: string; readonly at: EpochMs }[];
  /** Refused as one of several, of which only the number and some ids were recorded. */
  readonly countedRefusal?: boolean;
}

/** Any of the values, per field. */
export interface CallsFilter {
  readonly project?: readonly string[];
  readonly apiKey?: readonly string[];
  readonly model?: readonly string[];
  readonly backend?: readonly string[];
  readonly endpoint?: readonly string[];
  readonly outcome?: readonly CallOutcome[];
  readonly code?: readonly string[];
}

export interface CallsSearchParams {
  readonly orgId: OrganizationId;
  /** Inclusive. */
  readonly from?: EpochMs;
  /** Exclusive. */
  readonly to?: EpochMs;
  readonly where?: CallsFilter;
  /** 1 to 1,000. Default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}
/** Newest first. */
export interface CallsPage extends Watermarked {
  readonly calls: readonly CallSummary[];
  readonly next: string | null;
}

export interface CallByIdParams {
  readonly orgId: OrganizationId;
  readonly callId: CallId;
  /** A key sees the calls of its own project only. */
  readonly projectId?: ProjectId;
}
export interface CallAnswer extends Watermarked {
  /** `null`: not recorded, not yet projected, or not of this organization and project. */
  readonly call: CallRecord | null;
  /** There is such a call, of another organization or project: for the security trail, never for who asks. */
  readonly isForeign?: true;
}
