import { z } from 'zod';
import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type BudgetId,
  bigintField,
  brandedField,
  type CallId,
  countField,
  type DomainEvent,
  epochMsField,
  eventCodec,
  type MemberId,
  type ModelId,
  nanoUsdField,
  type ProjectId,
  type ServiceAccountId,
  type TeamId,
} from '#kernel';

/**
 * The ledger's events. Stored forms are described here once; the domain's types follow from them. Amounts of budgets
 * are plain integers in the budget's unit: nano-USD, tokens or requests.
 */

const budgetId = brandedField<BudgetId>();
const callId = brandedField<CallId>();
const keyId = brandedField<ApiKeyId>();
const modelId = brandedField<ModelId>();
const projectId = brandedField<ProjectId>();
const teamId = brandedField<TeamId>();

export const budgetScopeSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('organization') }),
  z.object({ type: z.literal('team'), id: teamId }),
  z.object({ type: z.literal('project'), id: projectId }),
  z.object({ type: z.literal('api-key'), id: keyId }),
  z.object({ type: z.literal('model'), id: modelId }),
]);
export type BudgetScope = z.output<typeof budgetScopeSchema>;

export const budgetUnitSchema = z.enum(['cost', 'tokens', 'requests']);
export type BudgetUnit = z.output<typeof budgetUnitSchema>;

export const budgetPeriodSchema = z.enum(['daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'total']);
export type BudgetPeriod = z.output<typeof budgetPeriodSchema>;

export const budgetModeSchema = z.enum(['block', 'warn', 'notify']);
export type BudgetMode = z.output<typeof budgetModeSchema>;

const thresholdsSchema = z.array(z.number().int());

const budgetDefinedSchema = z.object({
  budgetId,
  name: z.string(),
  scope: budgetScopeSchema,
  unit: budgetUnitSchema,
  period: budgetPeriodSchema,
  limit: bigintField,
  mode: budgetModeSchema,
  /** Percentages of the limit, ascending. */
  thresholds: thresholdsSchema,
  /** IANA name; consulted only when a period opens. */
  timeZone: z.string(),
  /** Calls authorized earlier are not counted. */
  countedSince: epochMsField,
});

const budgetChangedSchema = z.object({
  budgetId,
  name: z.string(),
  limit: bigintField,
  mode: budgetModeSchema,
  thresholds: thresholdsSchema,
});

const periodOpenedSchema = z.object({
  budgetId,
  from: epochMsField,
  /** Exclusive; absent for a budget that never resets. */
  to: epochMsField.optional(),
});

export const limitsSchema = z.object({
  requestsPerMinute: countField.optional(),
  /** The most requests at once after a quiet time. */
  burst: countField.optional(),
  tokensPerMinute: countField.optional(),
  concurrency: countField.optional(),
  /** The most that one call may hold; of an organization: any of its calls. */
  callCostMax: nanoUsdField.optional(),
  /** Once a key has so much unresolved it is admitted no further call; of an organization: each of its keys. */
  unresolvedCostMax: nanoUsdField.optional(),
});
export type Limits = z.output<typeof limitsSchema>;

export const limitsTargetSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('organization') }),
  z.object({ type: z.literal('api-key'), id: keyId }),
]);
export type LimitsTarget = z.output<typeof limitsTargetSchema>;

const keyOwners = [
  z.object({ type: z.literal('service-account'), id: brandedField<ServiceAccountId>() }),
  z.object({ type: z.literal('member'), id: brandedField<MemberId>() }),
] as const;

/** In whose name a key is used. */
export const keyOwnerSchema = z.discriminatedUnion('type', keyOwners);
export type KeyOwner = z.output<typeof keyOwnerSchema>;

export const unresolvedPolicySchema = z.object({
  /** `counted`: what was counted, or the ceiling of a call of which nothing was. `never`: somebody says what it cost. */
  resolveAt: z.enum(['counted', 'ceiling', 'never']),
  /** From when the call became unresolved. */
  afterSeconds: countField,
});
export type UnresolvedPolicy = z.output<typeof unresolvedPolicySchema>;

export const barSubjectSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('organization') }),
  z.object({ type: z.literal('project'), id: projectId }),
  z.object({ type: z.literal('api-key'), id: keyId }),
  ...keyOwners,
]);
export type BarSubject = z.output<typeof barSubjectSchema>;

export const usageSchema = z.object({
  input: countField,
  cachedInput: countField,
  cacheWrite: countField,
  output: countField,
});

export const pricesSchema = z.object({
  version: countField,
  input: nanoUsdField,
  cachedInput: nanoUsdField,
  cacheWrite: nanoUsdField,
  output: nanoUsdField,
});

const boundsSchema = z.object({
  inputTokensMax: countField,
  inputTokensEstimate: countField,
  outputTokensCap: countField,
  outputCapSource: z.enum(['client', 'default']),
  outputsMax: countField,
});

const touchSchema = z.object({
  budgetId,
  /** Start of the period that the call belongs to. */
  from: epochMsField,
  unit: budgetUnitSchema,
  amount: bigintField,
});
export type Touch = z.output<typeof touchSchema>;

export const endpointSchema = z.enum(['chat', 'completion', 'embedding', 'responses', 'messages', 'inference']);
export type Endpoint = z.output<typeof endpointSchema>;

/** Whose call it is; repeated in the events that end it, so that no reader must join. */
const callSubjectShape = {
  callId,
  keyId,
  projectId,
  teamId: teamId.optional(),
  model: modelId,
  endpoint: endpointSchema,
};

const inferenceAuthorizedSchema = z.object({
  ...callSubjectShape,
  stream: z.boolean(),
  backendId: brandedField<BackendId>(),
  prices: pricesSchema,
  bounds: boundsSchema,
  holdCost: nanoUsdField,
  holdTokens: bigintField,
  /** What the call took from token rate limits. */
  rateTokens: countField,
  touches: z.array(touchSchema),
  owner: brandedField<BootId>(),
  /** A process that was paused does not dispatch after this. */
  dispatchBy: epochMsField,
  /** Others may expire the hold after this. */
  deadline: epochMsField,
  idempotency: z.object({ key: z.string(), body: z.string() }).optional(),
  /** The client's own request id: recorded, never identity. */
  clientRequestId: z.string().optional(),
});

/** What happened upstream, as far as it is known. */
const attemptSchema = z.object({
  backendId: brandedField<BackendId>(),
  /** Why this backend: the first choice, another after one had failed, or the one that the client named. */
  decision: z.enum(['primary', 'failover', 'override']).exactOptional(),
  /** HTTP status, absent when none arrived. */
  status: countField.optional(),
  error: z.string().optional(),
  firstByteMs: countField.optional(),
  totalMs: countField,
});
export type Attempt = z.output<typeof attemptSchema>;

const upstreamShape = {
  authorizedAt: epochMsField,
  attempts: z.array(attemptSchema),
  upstreamRequestId: z.string().optional(),
  /** From the request's arrival to its settlement, and to the first byte for the client. */
  latencyMs: countField,
  firstByteMs: countField.optional(),
};

const inferenceCompletedSchema = z.object({
  ...callSubjectShape,
  ...upstreamShape,
  stream: z.boolean(),
  /** `interrupted`: the client left or the stream was cut, and what was seen is charged. */
  outcome: z.enum(['complete', 'interrupted']),
  finishReason: z.string().optional(),
  /** Why it was interrupted, where its client did not leave. */
  reason: z.string().exactOptional(),
  usage: usageSchema,
  certainty: z.enum(['reported', 'counted']),
  priceVersion: countField,
  actual: nanoUsdField,
  charged: nanoUsdField,
  excess: nanoUsdField,
  /** Answered from the organization's response cache; no backend was asked. */
  servedFrom: z.literal('cache').exactOptional(),
  /** Came after the hold had become unresolved or had been resolved. */
  late: z.boolean(),
});

const countedSchema = z.object({ usage: usageSchema, cost: nanoUsdField });

const inferenceFailedSchema = z.object({
  ...callSubjectShape,
  ...upstreamShape,
  stream: z.boolean(),
  error: z.string(),
  /** `unknown`: the hold becomes unresolved at the ceiling. `never`: this kind of failure is not billed. */
  billed: z.enum(['never', 'unknown']),
  /** Of an unresolved one: what is known at least, for whoever resolves it. */
  counted: countedSchema.exactOptional(),
});

const inferenceReleasedSchema = z.object({
  ...callSubjectShape,
  ...upstreamShape,
  reason: z.string(),
  /** A dispatched call counts as one request, whatever its outcome. */
  dispatched: z.boolean(),
});

const inferenceUnresolvedSchema = z.object({
  ...callSubjectShape,
  ...upstreamShape,
  reason: z.string(),
  holdCost: nanoUsdField,
  /** What was seen before the call was lost, for whoever resolves it. */
  counted: countedSchema.optional(),
});

export const resolutionSourceSchema = z.enum(['operator', 'reconciliation', 'policy']);
export type ResolutionSource = z.output<typeof resolutionSourceSchema>;

const resolutionShape = {
  cost: nanoUsdField,
  charged: nanoUsdField,
  excess: nanoUsdField,
  tokens: bigintField,
};

const inferenceResolvedSchema = z.object({
  ...callSubjectShape,
  authorizedAt: epochMsField,
  source: resolutionSourceSchema,
  reason: z.string(),
  ...resolutionShape,
  /** Of a command that may be repeated, so that its repeat resolves nothing else. */
  commandId: z.string().exactOptional(),
});

const inferenceCorrectedSchema = z.object({
  ...callSubjectShape,
  authorizedAt: epochMsField,
  source: resolutionSourceSchema,
  reason: z.string(),
  /** Where it was sent last, and what was counted of it, for whoever adds calls up. */
  backendId: brandedField<BackendId>().exactOptional(),
  counted: countedSchema.exactOptional(),
  /** What it was taken for until now. */
  before: z.object(resolutionShape),
  ...resolutionShape,
  /** What the settled sums of budgets change by, in the period that the call belongs to; negative where it cost less. */
  adjustments: z.array(touchSchema),
  commandId: z.string().exactOptional(),
});

const inferenceRefusedSchema = z.object({
  callId,
  keyId,
  projectId,
  teamId: teamId.exactOptional(),
  model: modelId,
  endpoint: endpointSchema,
  code: z.string(),
});

const refusalsCountedSchema = z.object({
  keyId,
  projectId,
  teamId: teamId.exactOptional(),
  model: modelId,
  code: z.string(),
  count: countField,
  callIds: z.array(callId),
  from: epochMsField,
  /** When each of the named calls was refused; the others fall into the same quarter of an hour. */
  times: z.array(epochMsField).exactOptional(),
});

const budgetReachedSchema = z.object({
  budgetId,
  from: epochMsField,
  threshold: z.number().int(),
  spent: bigintField,
  limit: bigintField,
});
const budgetExceededSchema = z.object({
  budgetId,
  from: epochMsField,
  mode: budgetModeSchema,
  used: bigintField,
  limit: bigintField,
});

const carryRecordedSchema = z.object({
  /** Version of the state's stored form; a set of another version is ignored. */
  version: countField,
  set: z.string(),
  /** The state is the fold of all events up to and including this revision. */
  upTo: bigintField,
  part: countField,
  parts: countField,
  /** SHA-256 of the whole text in hexadecimal. */
  digest: z.string(),
  text: z.string(),
});

const asBefore = (stored: unknown): unknown => stored;

export const ledgerSchemas = {
  BudgetDefined: { version: 1, data: budgetDefinedSchema },
  BudgetChanged: { version: 1, data: budgetChangedSchema },
  BudgetEnded: { version: 1, data: z.object({ budgetId }) },
  BudgetPeriodOpened: { version: 1, data: periodOpenedSchema },
  BudgetThresholdReached: { version: 1, data: budgetReachedSchema },
  BudgetExceeded: { version: 1, data: budgetExceededSchema },
  LimitsSet: { version: 1, data: z.object({ target: limitsTargetSchema, limits: limitsSchema }) },
  UnresolvedPolicySet: { version: 1, data: z.object({ policy: unresolvedPolicySchema }) },
  // The first version knew no owners of keys.
  SubjectBarred: {
    version: 2,
    data: z.object({ subject: barSubjectSchema, reason: z.string() }),
    upcasts: { 1: asBefore },
  },
  SubjectUnbarred: { version: 2, data: z.object({ subject: barSubjectSchema }), upcasts: { 1: asBefore } },
  ProjectAssigned: { version: 1, data: z.object({ projectId, teamId: teamId.optional() }) },
  InferenceAuthorized: { version: 1, data: inferenceAuthorizedSchema },
  InferenceCompleted: { version: 1, data: inferenceCompletedSchema },
  InferenceFailed: { version: 1, data: inferenceFailedSchema },
  InferenceReleased: { version: 1, data: inferenceReleasedSchema },
  InferenceUnresolved: { version: 1, data: inferenceUnresolvedSchema },
  InferenceResolved: { version: 1, data: inferenceResolvedSchema },
  InferenceCorrected: { version: 1, data: inferenceCorrectedSchema },
  InferenceRefused: { version: 1, data: inferenceRefusedSchema },
  RefusalsCounted: { version: 1, data: refusalsCountedSchema },
  LedgerTimeCorrected: { version: 1, data: z.object({ from: epochMsField, to: epochMsField }) },
  CarryRecorded: { version: 1, data: carryRecordedSchema },
};

export type LedgerEventType = keyof typeof ledgerSchemas;
export type LedgerEventOf<T extends LedgerEventType> = DomainEvent<T, z.output<(typeof ledgerSchemas)[T]['data']>>;
export type LedgerEvent = { [T in LedgerEventType]: LedgerEventOf<T> }[LedgerEventType];

export type InferenceAuthorized = LedgerEventOf<'InferenceAuthorized'>;
export type CallSubject = Pick<
  InferenceAuthorized['data'],
  'callId' | 'keyId' | 'projectId' | 'teamId' | 'model' | 'endpoint'
>;

export const ledgerCodec = eventCodec<LedgerEvent>(ledgerSchemas);
