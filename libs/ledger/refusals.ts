import type { CallId, Refusal } from '#kernel';
import type { BudgetScope, BudgetUnit } from './events';

/** Why a budget or a limit said no, with everything that its owner needs to see. Amounts are in the budget's unit. */
export interface BudgetRefusalDetails {
  readonly limitId: string;
  readonly scope: BudgetScope['type'];
  readonly unit: BudgetUnit;
  readonly limit: bigint;
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
  readonly requested: bigint;
  /** The largest output cap that every blocking budget would admit; absent when none would. */
  readonly capThatFits?: number;
  readonly resetsAt?: number;
}

export interface RateRefusalDetails {
  readonly scope: 'api-key' | 'organization';
  readonly unit: 'requests' | 'tokens' | 'concurrency';
  readonly limit: number;
  readonly remaining: number;
  readonly requested: number;
  readonly retryAfterMs: number;
}

/** A call that may hold so much at most. */
export interface CallCostDetails {
  readonly scope: 'api-key' | 'organization';
  readonly limit: bigint;
  readonly requested: bigint;
  /** The largest output cap that fits; absent when none would. */
  readonly capThatFits?: number;
}

/** A key of which too much is unresolved. */
export interface UnresolvedCostDetails {
  readonly scope: 'api-key' | 'organization';
  readonly limit: bigint;
  readonly unresolved: bigint;
}

type Explained<Code extends string, Details> = Refusal<Code, Details> & { readonly details: Details };

/**
 * Why a call is not admitted. Precedence is the order of this list: what no waiting cures is said first, so that a
 * client does not retry in vain; two gateways that see the same state give the same answer.
 */
export type CallRefusal =
  | Refusal<'organization_suspended'>
  | Refusal<'project_suspended'>
  | Refusal<'key_owner_disabled'>
  | Refusal<'api_key_revoked'>
  | Explained<'idempotency_key_reused', { readonly callId: CallId }>
  | Explained<'idempotency_outcome_unknown', { readonly callId: CallId }>
  | Explained<'idempotency_answered', { readonly callId: CallId }>
  | Explained<'idempotency_in_progress', { readonly callId: CallId }>
  | Explained<'call_cost_limit_exceeded', CallCostDetails>
  | Explained<'unresolved_limit_exceeded', UnresolvedCostDetails>
  | Explained<'budget_exhausted', BudgetRefusalDetails>
  | Explained<'rate_limit_exceeded', RateRefusalDetails>
  | Explained<'concurrency_limit_exceeded', RateRefusalDetails>
  | Explained<'budget_contended', BudgetRefusalDetails>;

/** Why another command of the ledger is not accepted. */
export type LedgerCommandRefusal =
  | Refusal<'call_not_found'>
  | Refusal<'call_not_open'>
  | Refusal<'call_not_unresolved'>
  | Refusal<'not_the_owner'>
  | Refusal<'already_dispatched'>
  | Refusal<'deadline_not_passed'>
  | Refusal<'duplicate_call'>
  | Refusal<'call_invalid'>
  | Refusal<'usage_invalid'>
  | Refusal<'budget_exists'>
  | Refusal<'budget_not_found'>
  | Refusal<'budget_ended'>
  | Refusal<'budgets_too_many'>
  | Refusal<'definition_stale'>
  | Refusal<'budget_invalid'>
  | Refusal<'limits_invalid'>
  | Refusal<'policy_invalid'>
  | Refusal<'resolve_invalid'>
  | Refusal<'unencodable'>;

export type LedgerRefusal = CallRefusal | LedgerCommandRefusal;
