import type { ErrorCode } from '#inference/openai';
import { epochMs, formatInstant, formatUsd, nanoUsd } from '#kernel';
import type { BudgetRefusalDetails, BudgetUnit, CallRefusal, LedgerRefusal, RateRefusalDetails } from '#ledger';

/** A ledger's refusal as `/v1` answers it. */
export interface RefusalAnswer {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
}

function amount(unit: BudgetUnit, value: bigint): string {
  return unit === 'cost' ? formatUsd(nanoUsd(value)) : value.toString();
}

function budgetDetails(details: BudgetRefusalDetails): Readonly<Record<string, unknown>> {
  const { unit } = details;
  return {
    limit_id: details.limitId,
    scope: details.scope,
    unit,
    limit: amount(unit, details.limit),
    settled: amount(unit, details.settled),
    held: amount(unit, details.held),
    unresolved: amount(unit, details.unresolved),
    requested: amount(unit, details.requested),
    ...(details.capThatFits === undefined ? {} : { cap_that_fits: details.capThatFits }),
    ...(details.resetsAt === undefined ? {} : { resets_at: formatInstant(epochMs(details.resetsAt)) }),
  };
}

function rateDetails(details: RateRefusalDetails): Readonly<Record<string, unknown>> {
  const { scope, unit, limit, remaining, requested } = details;
  return { scope, unit, limit, remaining, requested };
}

/** How long a client is told to wait for an answer that another of its requests is about to get. */
const IN_PROGRESS_RETRY_MS = 5_000;
const CONTENDED_RETRY_MS = 1_000;

function callRefusal(refusal: CallRefusal): RefusalAnswer {
  switch (refusal.code) {
    case 'organization_suspended':
      return { code: 'organization_suspended', details: {} };
    case 'project_suspended':
    case 'key_owner_disabled':
      return { code: 'key_suspended', message: refusal.message, details: {} };
    case 'api_key_revoked':
      return { code: 'key_revoked', details: {} };
    case 'idempotency_key_reused':
    case 'idempotency_outcome_unknown':
      return { code: refusal.code, message: refusal.message, details: { call_id: refusal.details.callId } };
    case 'idempotency_answered':
    case 'idempotency_in_progress':
      return {
        code: 'idempotency_in_progress',
        details: { call_id: refusal.details.callId },
        retryAfterMs: IN_PROGRESS_RETRY_MS,
      };
    case 'call_cost_limit_exceeded': {
      const { scope, limit, requested, capThatFits } = refusal.details;
      const cap = capThatFits === undefined ? {} : { cap_that_fits: capThatFits };
      const details = { scope, limit: amount('cost', limit), requested: amount('cost', requested), ...cap };
      return { code: refusal.code, message: refusal.message, details };
    }
    case 'unresolved_limit_exceeded': {
      const { scope, limit, unresolved } = refusal.details;
      const details = { scope, limit: amount('cost', limit), unresolved: amount('cost', unresolved) };
      return { code: refusal.code, message: refusal.message, details };
    }
    case 'budget_exhausted':
      return { code: 'budget_exhausted', message: refusal.message, details: budgetDetails(refusal.details) };
    case 'budget_contended':
      return {
        code: 'budget_contended',
        message: refusal.message,
        details: budgetDetails(refusal.details),
        retryAfterMs: CONTENDED_RETRY_MS,
      };
    case 'rate_limit_exceeded':
    case 'concurrency_limit_exceeded':
      return {
        code: refusal.code,
        message: refusal.message,
        details: rateDetails(refusal.details),
        retryAfterMs: refusal.details.retryAfterMs,
      };
  }
}

const CALL_REFUSALS: ReadonlySet<string> = new Set<CallRefusal['code']>([
  'organization_suspended',
  'project_suspended',
  'key_owner_disabled',
  'api_key_revoked',
  'idempotency_key_reused',
  'idempotency_outcome_unknown',
  'idempotency_answered',
  'idempotency_in_progress',
  'call_cost_limit_exceeded',
  'unresolved_limit_exceeded',
  'budget_exhausted',
  'rate_limit_exceeded',
  'concurrency_limit_exceeded',
  'budget_contended',
]);

function isCallRefusal(refusal: LedgerRefusal): refusal is CallRefusal {
  return CALL_REFUSALS.has(refusal.code);
}

/** What a client is told; any other refusal of an authorization is a mistake of the platform. */
export function refusalAnswer(refusal: LedgerRefusal): RefusalAnswer {
  return isCallRefusal(refusal) ? callRefusal(refusal) : { code: 'internal_error', details: {} };
}
