import type {
  ApiKeyId,
  BackendId,
  BootId,
  BudgetId,
  CallBounds,
  CallId,
  EpochMs,
  ModelId,
  NanoUsd,
  Prices,
  ProjectId,
  TeamId,
  TokenUsage,
} from '#kernel';
import type {
  Attempt,
  BarSubject,
  BudgetMode,
  BudgetPeriod,
  BudgetScope,
  BudgetUnit,
  Endpoint,
  KeyOwner,
  Limits,
  LimitsTarget,
  ResolutionSource,
  UnresolvedPolicy,
} from './events';

/** Facts about a keyed call that left the ledger's own memory: from an index that is complete to inside that memory. */
export interface KnownIdempotency {
  readonly callId: CallId;
  readonly body: string;
  readonly outcome: 'answered' | 'unknown';
}

/** Prices that are in force from a moment on. */
export interface LaterPrices {
  readonly from: EpochMs;
  readonly prices: Prices;
}

export interface AuthorizeCall {
  readonly type: 'AuthorizeCall';
  readonly callId: CallId;
  readonly keyId: ApiKeyId;
  /** Absent: the key is nobody's in particular. */
  readonly keyOwner?: KeyOwner;
  readonly projectId: ProjectId;
  readonly model: ModelId;
  readonly endpoint: Endpoint;
  readonly stream: boolean;
  readonly backendId: BackendId;
  /** In force when the call was asked for. */
  readonly prices: Prices;
  /** What replaces them while the call waits, ascending by time: the price is that of the authorization. */
  readonly laterPrices?: readonly LaterPrices[];
  readonly bounds: CallBounds;
  /** A default output cap is not clamped below this; a smaller remainder refuses. */
  readonly outputTokensCapMin: number;
  readonly owner: BootId;
  readonly dispatchWindowMs: number;
  /** Dispatch window, hard call timeout and grace together. */
  readonly holdMs: number;
  readonly idempotency?: { readonly key: string; readonly body: string; readonly known?: KnownIdempotency };
  readonly clientRequestId?: string;
}

/** What every command that ends a call says about the way there. */
export interface CallTrace {
  readonly attempts: readonly Attempt[];
  readonly upstreamRequestId?: string;
  readonly latencyMs: number;
  readonly firstByteMs?: number;
}

export interface CompleteCall {
  readonly type: 'CompleteCall';
  readonly callId: CallId;
  readonly usage: TokenUsage;
  readonly certainty: 'reported' | 'counted';
  readonly outcome: 'complete' | 'interrupted';
  readonly finishReason?: string;
  /** Why it was interrupted, where its client did not leave. */
  readonly reason?: string;
  readonly servedFrom?: 'cache';
  readonly trace: CallTrace;
}

export interface FailCall {
  readonly type: 'FailCall';
  readonly callId: CallId;
  readonly error: string;
  readonly billed: 'never' | 'unknown';
  /** What is known at least of a call that may have been billed. */
  readonly counted?: TokenUsage;
  readonly trace: CallTrace;
}

export interface ReleaseCall {
  readonly type: 'ReleaseCall';
  readonly callId: CallId;
  readonly owner: BootId;
  readonly reason: string;
  /** Whether the upstream request was opened and is proven to be unbilled. */
  readonly dispatched: boolean;
  readonly trace: CallTrace;
}

/** The owner gives up knowing the cost of its own call. */
export interface AbandonCall {
  readonly type: 'AbandonCall';
  readonly callId: CallId;
  readonly reason: string;
  readonly counted?: TokenUsage;
  readonly trace: CallTrace;
}

/** Anyone but the owner ends a hold whose deadline has passed or whose owner is dead. */
export interface ExpireCall {
  readonly type: 'ExpireCall';
  readonly callId: CallId;
  readonly cause: 'deadline' | 'owner-dead';
}

/** Says what a call cost that is unresolved; of one that is resolved already: corrects that. */
export interface ResolveCall {
  readonly type: 'ResolveCall';
  readonly callId: CallId;
  readonly source: ResolutionSource;
  readonly cost: NanoUsd;
  /** Default: none for a cost of 0, the counted ones where known, else the ceiling. */
  readonly tokens?: bigint;
  readonly reason: string;
  /** Of a command that may be repeated: what it did once is not done again, whatever was corrected since. */
  readonly commandId?: string;
}

/** Which unresolved calls are meant; what is absent does not matter. */
export interface UnresolvedFilter {
  readonly model?: ModelId;
  readonly keyId?: ApiKeyId;
  readonly projectId?: ProjectId;
  /** When they were authorized; inclusive. */
  readonly from?: EpochMs;
  /** Exclusive. */
  readonly to?: EpochMs;
  /** Why nobody knows their cost. */
  readonly reason?: string;
}

/** What each of several calls is taken to have cost. */
export type ResolveAt =
  /** What was counted, or the ceiling of a call of which nothing was. */
  { readonly kind: 'counted' | 'ceiling' } | { readonly kind: 'cost'; readonly cost: NanoUsd };

/** Resolves the calls that have been unresolved for longest, a page at a time. */
export interface ResolveCalls {
  readonly type: 'ResolveCalls';
  readonly filter: UnresolvedFilter;
  readonly at: ResolveAt;
  readonly source: Exclude<ResolutionSource, 'policy'>;
  readonly reason: string;
  readonly callsMax: number;
  /** A repeat resolves no others. */
  readonly commandId: string;
}

/** Resolves a call as the organization's policy says, once it is time. */
export interface ResolveByPolicy {
  readonly type: 'ResolveByPolicy';
  readonly callId: CallId;
}

/** A call that was refused before the ledger was asked: an unknown model, say. */
export interface RecordRefusal {
  readonly type: 'RecordRefusal';
  readonly callId: CallId;
  readonly keyId: ApiKeyId;
  readonly projectId: ProjectId;
  readonly model: ModelId;
  readonly endpoint: Endpoint;
  readonly code: string;
}

/** Writes down the refusals that a window has gathered. */
export interface CountRefusals {
  readonly type: 'CountRefusals';
  readonly keyId: ApiKeyId;
  readonly projectId: ProjectId;
  readonly model: ModelId;
  readonly code: string;
  readonly count: number;
  readonly callIds: readonly CallId[];
  readonly from: EpochMs;
  /** The team of the project when they were refused. */
  readonly teamId?: TeamId;
  /** When each of the named calls was refused; all of the counted ones within one quarter of an hour. */
  readonly times?: readonly EpochMs[];
}

export interface DefineBudget {
  readonly type: 'DefineBudget';
  readonly budgetId: BudgetId;
  readonly name: string;
  readonly scope: BudgetScope;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  readonly limit: bigint;
  readonly mode: BudgetMode;
  readonly thresholds: readonly number[];
  readonly timeZone: string;
}

/** Where another editor may be at work: tags of the versions that the caller may have seen; any other is refused. */
export interface Conditional {
  readonly ifMatch?: readonly string[];
}

export interface ChangeBudget extends Conditional {
  readonly type: 'ChangeBudget';
  readonly budgetId: BudgetId;
  readonly name?: string;
  readonly limit?: bigint;
  readonly mode?: BudgetMode;
  readonly thresholds?: readonly number[];
}

export interface EndBudget extends Conditional {
  readonly type: 'EndBudget';
  readonly budgetId: BudgetId;
}

export interface SetLimits extends Conditional {
  readonly type: 'SetLimits';
  readonly target: LimitsTarget;
  readonly limits: Limits;
}

export interface SetUnresolvedPolicy extends Conditional {
  readonly type: 'SetUnresolvedPolicy';
  readonly policy: UnresolvedPolicy;
}

export interface BarSubjectCommand {
  readonly type: 'BarSubject';
  readonly subject: BarSubject;
  readonly reason: string;
}

export interface UnbarSubject {
  readonly type: 'UnbarSubject';
  readonly subject: BarSubject;
}

export interface AssignProject {
  readonly type: 'AssignProject';
  readonly projectId: ProjectId;
  readonly teamId?: TeamId;
}

/** What was recorded last was written by a clock that was far ahead: ledger time goes back to what it should be. */
export interface CorrectTime {
  readonly type: 'CorrectTime';
  /** The ledger's time as it was found: of another one nothing is corrected. */
  readonly from: EpochMs;
  readonly to: EpochMs;
}

export type LedgerCommand =
  | AuthorizeCall
  | CompleteCall
  | FailCall
  | ReleaseCall
  | AbandonCall
  | ExpireCall
  | ResolveCall
  | ResolveCalls
  | ResolveByPolicy
  | RecordRefusal
  | CountRefusals
  | DefineBudget
  | ChangeBudget
  | EndBudget
  | SetLimits
  | SetUnresolvedPolicy
  | BarSubjectCommand
  | UnbarSubject
  | AssignProject
  | CorrectTime;

/** What arrives with a command instead of being reached for. */
export interface DecisionContext {
  /** The decider's own clock; ledger time is the later of this and the record's. */
  readonly now: EpochMs;
}
