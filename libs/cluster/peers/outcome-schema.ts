import { z } from 'zod';
import type { CallId, EventId } from '#kernel';
import { bigintField, brandedField } from '#kernel';
import { budgetUnitSchema, type ForwardedOutcome, type LedgerRefusal } from '#ledger';

const message = z.string();
const eventId = brandedField<EventId>();

const budgetDetails = z.strictObject({
  limitId: z.string(),
  scope: z.enum(['organization', 'team', 'project', 'api-key', 'model']),
  unit: budgetUnitSchema,
  limit: bigintField,
  settled: bigintField,
  held: bigintField,
  unresolved: bigintField,
  requested: bigintField,
  capThatFits: z.number().exactOptional(),
  resetsAt: z.number().exactOptional(),
});

const rateDetails = z.strictObject({
  scope: z.enum(['api-key', 'organization']),
  unit: z.enum(['requests', 'tokens', 'concurrency']),
  limit: z.number(),
  remaining: z.number(),
  requested: z.number(),
  retryAfterMs: z.number(),
});

const callCostDetails = z.strictObject({
  scope: z.enum(['api-key', 'organization']),
  limit: bigintField,
  requested: bigintField,
  capThatFits: z.number().exactOptional(),
});

const unresolvedCostDetails = z.strictObject({
  scope: z.enum(['api-key', 'organization']),
  limit: bigintField,
  unresolved: bigintField,
});

const callDetails = z.strictObject({ callId: brandedField<CallId>() });

/** Refusals whose code says everything. */
function plain<C extends LedgerRefusal['code']>(code: C) {
  return z.strictObject({ code: z.literal(code), message });
}

function explained<C extends LedgerRefusal['code'], D extends z.ZodType>(code: C, details: D) {
  return z.strictObject({ code: z.literal(code), message, details });
}

const refusalSchema = z.discriminatedUnion('code', [
  plain('organization_suspended'),
  plain('project_suspended'),
  plain('key_owner_disabled'),
  plain('api_key_revoked'),
  explained('idempotency_key_reused', callDetails),
  explained('idempotency_outcome_unknown', callDetails),
  explained('idempotency_answered', callDetails),
  explained('idempotency_in_progress', callDetails),
  explained('call_cost_limit_exceeded', callCostDetails),
  explained('unresolved_limit_exceeded', unresolvedCostDetails),
  explained('budget_exhausted', budgetDetails),
  explained('budget_contended', budgetDetails),
  explained('rate_limit_exceeded', rateDetails),
  explained('concurrency_limit_exceeded', rateDetails),
  plain('call_not_found'),
  plain('call_not_open'),
  plain('call_not_unresolved'),
  plain('not_the_owner'),
  plain('already_dispatched'),
  plain('deadline_not_passed'),
  plain('duplicate_call'),
  plain('call_invalid'),
  plain('usage_invalid'),
  plain('budget_exists'),
  plain('budget_not_found'),
  plain('budget_ended'),
  plain('budgets_too_many'),
  plain('definition_stale'),
  plain('budget_invalid'),
  plain('limits_invalid'),
  plain('policy_invalid'),
  plain('resolve_invalid'),
  plain('unencodable'),
]);

export const outcomeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('recorded'),
    eventIds: z.array(eventId),
    position: bigintField,
    eventId: eventId.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('refused'), refusal: refusalSchema, eventId: eventId.exactOptional() }),
  z.strictObject({ kind: z.literal('waiting') }),
  z.strictObject({ kind: z.literal('unknown'), message }),
]);

type Carried = z.output<typeof outcomeSchema>;
type Kinds = ForwardedOutcome['kind'] | LedgerRefusal['code'];
type CarriedKinds = Carried['kind'] | z.output<typeof refusalSchema>['code'];

/** Does not compile when the ledger has an outcome or a refusal that could not be carried back. */
export const EVERY_OUTCOME_CAN_BE_CARRIED: ([Kinds, CarriedKinds] extends [CarriedKinds, Kinds] ? true : never) &
  (Carried extends ForwardedOutcome ? true : never) = true;
