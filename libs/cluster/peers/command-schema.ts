import { z } from 'zod';
import type { ApiKeyId, BackendId, BootId, BudgetId, CallId, EpochMs, ModelId, ProjectId, TeamId } from '#kernel';
import { bigintField, brandedField, nanoUsdField } from '#kernel';
import {
  barSubjectSchema,
  budgetModeSchema,
  budgetPeriodSchema,
  budgetScopeSchema,
  budgetUnitSchema,
  endpointSchema,
  keyOwnerSchema,
  type LedgerCommand,
  limitsTargetSchema,
  unresolvedPolicySchema,
} from '#ledger';

/**
 * The shape of every command that can be forwarded. Values are left to the ledger's own rules, so that a command is
 * refused in the same words here and there. A field that this program does not know is an error, not to be dropped: a
 * newer program may mean something by it.
 */

const budgetId = brandedField<BudgetId>();
const callId = brandedField<CallId>();
const keyId = brandedField<ApiKeyId>();
const model = brandedField<ModelId>();
const owner = brandedField<BootId>();
const projectId = brandedField<ProjectId>();
const teamId = brandedField<TeamId>();
const backendId = brandedField<BackendId>();

const moment = z.number().transform((at) => at as EpochMs);

const usage = z.strictObject({
  input: z.number(),
  cachedInput: z.number(),
  cacheWrite: z.number(),
  output: z.number(),
});

const prices = z.strictObject({
  version: z.number(),
  input: nanoUsdField,
  cachedInput: nanoUsdField,
  cacheWrite: nanoUsdField,
  output: nanoUsdField,
});

const bounds = z.strictObject({
  inputTokensMax: z.number(),
  inputTokensEstimate: z.number(),
  outputTokensCap: z.number(),
  outputCapSource: z.enum(['client', 'default']),
  outputsMax: z.number(),
});

const knownIdempotency = z.strictObject({ callId, body: z.string(), outcome: z.enum(['answered', 'unknown']) });

const authorizeCall = z.strictObject({
  type: z.literal('AuthorizeCall'),
  callId,
  keyId,
  keyOwner: keyOwnerSchema.exactOptional(),
  projectId,
  model,
  endpoint: endpointSchema,
  stream: z.boolean(),
  backendId,
  prices,
  laterPrices: z.array(z.strictObject({ from: moment, prices })).exactOptional(),
  bounds,
  outputTokensCapMin: z.number(),
  owner,
  dispatchWindowMs: z.number(),
  holdMs: z.number(),
  idempotency: z
    .strictObject({ key: z.string(), body: z.string(), known: knownIdempotency.exactOptional() })
    .exactOptional(),
  clientRequestId: z.string().exactOptional(),
});

const attempt = z.strictObject({
  backendId,
  decision: z.enum(['primary', 'failover', 'override']).exactOptional(),
  status: z.number().exactOptional(),
  error: z.string().exactOptional(),
  firstByteMs: z.number().exactOptional(),
  totalMs: z.number(),
});

const trace = z.strictObject({
  attempts: z.array(attempt),
  upstreamRequestId: z.string().exactOptional(),
  latencyMs: z.number(),
  firstByteMs: z.number().exactOptional(),
});

const endings = [
  z.strictObject({
    type: z.literal('CompleteCall'),
    callId,
    usage,
    certainty: z.enum(['reported', 'counted']),
    outcome: z.enum(['complete', 'interrupted']),
    finishReason: z.string().exactOptional(),
    reason: z.string().exactOptional(),
    servedFrom: z.literal('cache').exactOptional(),
    trace,
  }),
  z.strictObject({
    type: z.literal('FailCall'),
    callId,
    error: z.string(),
    billed: z.enum(['never', 'unknown']),
    counted: usage.exactOptional(),
    trace,
  }),
  z.strictObject({
    type: z.literal('ReleaseCall'),
    callId,
    owner,
    reason: z.string(),
    dispatched: z.boolean(),
    trace,
  }),
  z.strictObject({
    type: z.literal('AbandonCall'),
    callId,
    reason: z.string(),
    counted: usage.exactOptional(),
    trace,
  }),
  z.strictObject({ type: z.literal('ExpireCall'), callId, cause: z.enum(['deadline', 'owner-dead']) }),
  z.strictObject({
    type: z.literal('ResolveCall'),
    callId,
    source: z.enum(['operator', 'reconciliation', 'policy']),
    cost: nanoUsdField,
    tokens: bigintField.exactOptional(),
    reason: z.string(),
    commandId: z.string().exactOptional(),
  }),
  z.strictObject({ type: z.literal('ResolveByPolicy'), callId }),
] as const;

const refusals = [
  z.strictObject({
    type: z.literal('RecordRefusal'),
    callId,
    keyId,
    projectId,
    model,
    endpoint: endpointSchema,
    code: z.string(),
  }),
  z.strictObject({
    type: z.literal('CountRefusals'),
    keyId,
    projectId,
    model,
    code: z.string(),
    count: z.number(),
    callIds: z.array(callId),
    from: moment,
    teamId: teamId.exactOptional(),
    times: z.array(moment).exactOptional(),
  }),
] as const;

const ifMatch = z.array(z.string()).exactOptional();

const limits = z.strictObject({
  requestsPerMinute: z.number().exactOptional(),
  burst: z.number().exactOptional(),
  tokensPerMinute: z.number().exactOptional(),
  concurrency: z.number().exactOptional(),
  callCostMax: nanoUsdField.exactOptional(),
  unresolvedCostMax: nanoUsdField.exactOptional(),
});

const unresolvedFilter = z.strictObject({
  model: model.exactOptional(),
  keyId: keyId.exactOptional(),
  projectId: projectId.exactOptional(),
  from: moment.exactOptional(),
  to: moment.exactOptional(),
  reason: z.string().exactOptional(),
});

const resolveAt = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['counted', 'ceiling']) }),
  z.strictObject({ kind: z.literal('cost'), cost: nanoUsdField }),
]);

const control = [
  z.strictObject({
    type: z.literal('DefineBudget'),
    budgetId,
    name: z.string(),
    scope: budgetScopeSchema,
    unit: budgetUnitSchema,
    period: budgetPeriodSchema,
    limit: bigintField,
    mode: budgetModeSchema,
    thresholds: z.array(z.number()),
    timeZone: z.string(),
  }),
  z.strictObject({
    type: z.literal('ChangeBudget'),
    budgetId,
    name: z.string().exactOptional(),
    limit: bigintField.exactOptional(),
    mode: budgetModeSchema.exactOptional(),
    thresholds: z.array(z.number()).exactOptional(),
    ifMatch,
  }),
  z.strictObject({ type: z.literal('EndBudget'), budgetId, ifMatch }),
  z.strictObject({ type: z.literal('SetLimits'), target: limitsTargetSchema, limits, ifMatch }),
  z.strictObject({
    type: z.literal('ResolveCalls'),
    filter: unresolvedFilter,
    at: resolveAt,
    source: z.enum(['operator', 'reconciliation']),
    reason: z.string(),
    callsMax: z.number(),
    commandId: z.string(),
  }),
  z.strictObject({
    type: z.literal('SetUnresolvedPolicy'),
    policy: z.strictObject({ resolveAt: unresolvedPolicySchema.shape.resolveAt, afterSeconds: z.number() }),
    ifMatch,
  }),
  z.strictObject({ type: z.literal('BarSubject'), subject: barSubjectSchema, reason: z.string() }),
  z.strictObject({ type: z.literal('UnbarSubject'), subject: barSubjectSchema }),
  z.strictObject({ type: z.literal('CorrectTime'), from: moment, to: moment }),
  z.strictObject({ type: z.literal('AssignProject'), projectId, teamId: teamId.exactOptional() }),
] as const;

export const commandSchema = z.discriminatedUnion('type', [authorizeCall, ...endings, ...refusals, ...control]);

/** Does not compile when the ledger has a command, or a field of one, that could not be forwarded. */
type Exactly<A, B> = [A, B] extends [B, A] ? true : never;
type Fields<C> = C extends { readonly type: infer T } ? { readonly type: T; readonly fields: keyof C } : never;
type Forwardable = z.output<typeof commandSchema>;
export const EVERY_COMMAND_CAN_BE_FORWARDED: Exactly<Fields<Forwardable>, Fields<LedgerCommand>> &
  (Forwardable extends LedgerCommand ? true : never) = true;
