import * as fc from 'fast-check';
import {
  type Actor,
  type CallId,
  type EpochMs,
  type EventId,
  epochMs,
  type NanoUsd,
  type Prices,
  type TokenUsage,
} from '#kernel';
import type {
  Attempt,
  BarSubject,
  BudgetScope,
  CallTrace,
  ForwardedCommand,
  KeyOwner,
  LedgerCommand,
  LedgerRefusal,
} from '#ledger';

/** Any command, metadata and outcome that a gateway may forward or answer. */

const text = fc.string({ unit: 'binary', maxLength: 20 });
const number = fc.oneof(fc.nat(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map((n) => n + 0);
const integer = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n });
const money = integer as fc.Arbitrary<NanoUsd>;

function branded<T extends string>(): fc.Arbitrary<T> {
  return text as fc.Arbitrary<string> as fc.Arbitrary<T>;
}

type Optionals<T> = { [K in keyof T as undefined extends T[K] ? K : never]-?: fc.Arbitrary<Exclude<T[K], undefined>> };
type Requireds<T> = { [K in keyof T as undefined extends T[K] ? never : K]: fc.Arbitrary<T[K]> };

/** An object with all required members and any of the optional ones; what is absent has no key. */
function record<T extends object>(required: Requireds<T>, optional: Optionals<T>): fc.Arbitrary<T> {
  const model = { ...required, ...optional } as Record<string, fc.Arbitrary<unknown>>;
  return fc.record(model, {
    requiredKeys: Object.keys(required),
    noNullPrototype: true,
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<T>;
}

type Of<T extends LedgerCommand['type']> = Omit<Extract<LedgerCommand, { type: T }>, 'type'>;

const usage = record<TokenUsage>({ input: number, cachedInput: number, cacheWrite: number, output: number }, {});
const prices = record<Prices>(
  { version: number, input: money, cachedInput: money, cacheWrite: money, output: money },
  {},
);
const endpoint = fc.constantFrom('chat', 'completion', 'embedding', 'responses', 'messages', 'inference');
const callIds = fc.array(branded<CallId>(), { maxLength: 3 });

const attempt = record<Attempt>(
  { backendId: branded(), totalMs: number },
  {
    decision: fc.constantFrom('primary', 'failover', 'override'),
    status: number,
    error: text,
    firstByteMs: number,
  },
);
const trace = record<CallTrace>(
  { attempts: fc.array(attempt, { maxLength: 2 }), latencyMs: number },
  { upstreamRequestId: text, firstByteMs: number },
);

const scope: fc.Arbitrary<BudgetScope> = fc.oneof(
  fc.constant({ type: 'organization' } as const),
  fc
    .constantFrom('team', 'project', 'api-key', 'model')
    .chain((type) => text.map((id) => ({ type, id }) as BudgetScope)),
);
const subject: fc.Arbitrary<BarSubject> = fc.oneof(
  fc.constant({ type: 'organization' } as const),
  fc
    .constantFrom('project', 'api-key', 'service-account', 'member')
    .chain((type) => text.map((id) => ({ type, id }) as BarSubject)),
);
const ifMatch = fc.array(text, { maxLength: 2 });
const call = { callId: branded<CallId>() };
const caller = { keyId: branded<never>(), projectId: branded<never>(), model: branded<never>() };
const limits = record<Of<'SetLimits'>['limits']>(
  {},
  {
    requestsPerMinute: number,
    burst: number,
    tokensPerMinute: number,
    concurrency: number,
    callCostMax: money,
    unresolvedCostMax: money,
  },
);
const mode = fc.constantFrom('block', 'warn', 'notify');
const thresholds = fc.array(number, { maxLength: 3 });

const authorizeCall = record<Of<'AuthorizeCall'>>(
  {
    ...call,
    ...caller,
    endpoint,
    stream: fc.boolean(),
    backendId: branded(),
    prices,
    bounds: record<Of<'AuthorizeCall'>['bounds']>(
      {
        inputTokensMax: number,
        inputTokensEstimate: number,
        outputTokensCap: number,
        outputCapSource: fc.constantFrom('client', 'default'),
        outputsMax: number,
      },
      {},
    ),
    outputTokensCapMin: number,
    owner: branded(),
    dispatchWindowMs: number,
    holdMs: number,
  },
  {
    keyOwner: fc
      .constantFrom('service-account', 'member')
      .chain((type) => text.map((id) => ({ type, id }) as KeyOwner)),
    idempotency: record<NonNullable<Of<'AuthorizeCall'>['idempotency']>>(
      { key: text, body: text },
      {
        known: record<NonNullable<NonNullable<Of<'AuthorizeCall'>['idempotency']>['known']>>(
          { ...call, body: text, outcome: fc.constantFrom('answered', 'unknown') },
          {},
        ),
      },
    ),
    clientRequestId: text,
    laterPrices: fc.array(fc.record({ from: fc.nat().map(epochMs), prices }, { noNullPrototype: true }), {
      maxLength: 2,
    }),
  },
);

/** One for each type of command: a type that the ledger gains does not compile without its own. */
export const COMMANDS: { readonly [T in LedgerCommand['type']]: fc.Arbitrary<Of<T>> } = {
  AuthorizeCall: authorizeCall,
  CompleteCall: record<Of<'CompleteCall'>>(
    {
      ...call,
      usage,
      certainty: fc.constantFrom('reported', 'counted'),
      outcome: fc.constantFrom('complete', 'interrupted'),
      trace,
    },
    { finishReason: text, reason: text, servedFrom: fc.constant('cache') },
  ),
  FailCall: record<Of<'FailCall'>>(
    { ...call, error: text, billed: fc.constantFrom('never', 'unknown'), trace },
    { counted: usage },
  ),
  ReleaseCall: record<Of<'ReleaseCall'>>(
    { ...call, owner: branded(), reason: text, dispatched: fc.boolean(), trace },
    {},
  ),
  AbandonCall: record<Of<'AbandonCall'>>({ ...call, reason: text, trace }, { counted: usage }),
  ExpireCall: record<Of<'ExpireCall'>>({ ...call, cause: fc.constantFrom('deadline', 'owner-dead') }, {}),
  ResolveCall: record<Of<'ResolveCall'>>(
    { ...call, source: fc.constantFrom('operator', 'reconciliation', 'policy'), cost: money, reason: text },
    { tokens: integer, commandId: text },
  ),
  ResolveCalls: record<Of<'ResolveCalls'>>(
    {
      filter: record<Of<'ResolveCalls'>['filter']>(
        {},
        {
          model: branded(),
          keyId: branded(),
          projectId: branded(),
          from: fc.nat().map(epochMs),
          to: fc.nat().map(epochMs),
          reason: text,
        },
      ),
      at: fc.oneof(
        fc.constantFrom('counted', 'ceiling').map((kind) => ({ kind }) as const),
        money.map((cost) => ({ kind: 'cost', cost }) as const),
      ),
      source: fc.constantFrom('operator', 'reconciliation'),
      reason: text,
      callsMax: number,
      commandId: text,
    },
    {},
  ),
  ResolveByPolicy: record<Of<'ResolveByPolicy'>>({ ...call }, {}),
  SetUnresolvedPolicy: record<Of<'SetUnresolvedPolicy'>>(
    {
      policy: fc.record(
        { resolveAt: fc.constantFrom('counted', 'ceiling', 'never'), afterSeconds: number },
        { noNullPrototype: true },
      ),
    },
    { ifMatch },
  ),
  RecordRefusal: record<Of<'RecordRefusal'>>({ ...call, ...caller, endpoint, code: text }, {}),
  CountRefusals: record<Of<'CountRefusals'>>(
    { ...caller, code: text, count: number, callIds, from: fc.nat() as fc.Arbitrary<number> as fc.Arbitrary<EpochMs> },
    { teamId: branded(), times: fc.array(fc.nat().map(epochMs), { maxLength: 2 }) },
  ),
  DefineBudget: record<Of<'DefineBudget'>>(
    {
      budgetId: branded(),
      name: text,
      scope,
      unit: fc.constantFrom('cost', 'tokens', 'requests'),
      period: fc.constantFrom('daily', 'weekly', 'monthly', 'quarterly', 'yearly', 'total'),
      limit: integer,
      mode,
      thresholds,
      timeZone: text,
    },
    {},
  ),
  ChangeBudget: record<Of<'ChangeBudget'>>(
    { budgetId: branded() },
    { name: text, limit: integer, mode, thresholds, ifMatch },
  ),
  EndBudget: record<Of<'EndBudget'>>({ budgetId: branded() }, { ifMatch }),
  SetLimits: record<Of<'SetLimits'>>(
    {
      target: fc.oneof(
        fc.constant({ type: 'organization' } as const),
        branded<never>().map((id) => ({ type: 'api-key', id }) as const),
      ),
      limits,
    },
    { ifMatch },
  ),
  CorrectTime: record<Of<'CorrectTime'>>({ from: fc.nat().map(epochMs), to: fc.nat().map(epochMs) }, {}),
  BarSubject: record<Of<'BarSubject'>>({ subject, reason: text }, {}),
  UnbarSubject: record<Of<'UnbarSubject'>>({ subject }, {}),
  AssignProject: record<Of<'AssignProject'>>({ projectId: branded() }, { teamId: branded() }),
};

const actor: fc.Arbitrary<Actor> = fc
  .constantFrom('system', 'member', 'service-account', 'api-key')
  .chain((type) => text.map((id) => ({ type, id }) as Actor));

export function forwardedCommand(type: LedgerCommand['type']): fc.Arbitrary<ForwardedCommand> {
  const command: fc.Arbitrary<object> = COMMANDS[type];
  return record<ForwardedCommand>(
    {
      command: command.map((fields) => ({ type, ...fields }) as LedgerCommand),
      metadata: record<ForwardedCommand['metadata']>(
        { actor },
        { tokenId: branded(), requestId: branded(), correlationId: text, causationId: text },
      ),
      deadline: fc.nat().map(epochMs),
    },
    {
      waitMs: record<NonNullable<ForwardedCommand['waitMs']>>(
        {},
        { concurrency_limit_exceeded: number, budget_contended: number, idempotency_in_progress: number },
      ),
      firstEventId: branded<EventId>(),
    },
  );
}

const budgetDetails = fc.record(
  {
    limitId: text,
    scope: fc.constantFrom('organization', 'team', 'project', 'api-key', 'model'),
    unit: fc.constantFrom('cost', 'tokens', 'requests'),
    limit: integer,
    settled: integer,
    held: integer,
    unresolved: integer,
    requested: integer,
    capThatFits: number,
    resetsAt: number,
  },
  {
    noNullPrototype: true,
    requiredKeys: ['limitId', 'scope', 'unit', 'limit', 'settled', 'held', 'unresolved', 'requested'],
  },
);

const plain = { noNullPrototype: true } as const;
const rateDetails = fc.record(
  {
    scope: fc.constantFrom('api-key', 'organization'),
    unit: fc.constantFrom('requests', 'tokens', 'concurrency'),
    limit: number,
    remaining: number,
    requested: number,
    retryAfterMs: number,
  },
  plain,
);

const limitScope = fc.constantFrom('api-key', 'organization');

export const refusal = fc.oneof(
  fc.record(
    {
      code: fc.constant('call_cost_limit_exceeded'),
      message: text,
      details: fc.record(
        { scope: limitScope, limit: integer, requested: integer, capThatFits: number },
        { noNullPrototype: true, requiredKeys: ['scope', 'limit', 'requested'] },
      ),
    },
    plain,
  ),
  fc.record(
    {
      code: fc.constant('unresolved_limit_exceeded'),
      message: text,
      details: fc.record({ scope: limitScope, limit: integer, unresolved: integer }, plain),
    },
    plain,
  ),
  fc.record(
    { code: fc.constantFrom('budget_exhausted', 'budget_contended'), message: text, details: budgetDetails },
    plain,
  ),
  fc.record(
    {
      code: fc.constantFrom('rate_limit_exceeded', 'concurrency_limit_exceeded'),
      message: text,
      details: rateDetails,
    },
    plain,
  ),
  fc.record(
    {
      code: fc.constantFrom('idempotency_key_reused', 'idempotency_answered', 'idempotency_in_progress'),
      message: text,
      details: fc.record(call, plain),
    },
    plain,
  ),
  fc.record({ code: fc.constantFrom('organization_suspended', 'usage_invalid', 'unencodable'), message: text }, plain),
) as fc.Arbitrary<object> as fc.Arbitrary<LedgerRefusal>;
