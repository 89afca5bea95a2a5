import fc from 'fast-check';
import {
  type BackendId,
  type BootId,
  type BudgetId,
  type CallBounds,
  type CallId,
  formatUsd,
  type ModelId,
  type ProjectId,
  type TeamId,
} from '#kernel';
import type { BudgetScope, LedgerCommand } from '#ledger';
import { DIALECTS } from '../dialects';
import { preflight } from './preflight';
import { CallWorld, KEY, ORG, PRICES, PROJECT, SPEC, sentBody, simulatedModel } from './spec-kit';

/**
 * A preflight must never disagree with the decision that it foretells. Random ledgers are lived through by random calls
 * of every dialect, and each is asked beforehand.
 */

const MODELS = [
  simulatedModel('quick', 'echo'),
  simulatedModel('silent', 'echo?usage=absent'),
  simulatedModel('failing', 'echo?errorStatus=500'),
  simulatedModel('refusing', 'echo?errorStatus=429'),
  simulatedModel('stuck', 'echo?hang=true'),
  simulatedModel('texts', 'echo', { kind: 'completion' }),
  simulatedModel('vectors', 'echo-embedding', { kind: 'embedding', maxOutputTokens: 0, defaultOutputTokens: 0 }),
  simulatedModel('withdrawn', 'echo', { boundWithdrawn: true }),
  simulatedModel('unpriced', 'echo', { prices: [] }),
  simulatedModel('routeless', 'echo', { routes: [] }),
];
const TEAM = 'team_a' as TeamId;

const scope: fc.Arbitrary<BudgetScope> = fc.oneof(
  fc.constant<BudgetScope>({ type: 'organization' }),
  fc.constantFrom<BudgetScope>({ type: 'project', id: PROJECT }, { type: 'project', id: 'prj_other' as ProjectId }),
  fc.constant<BudgetScope>({ type: 'team', id: TEAM }),
  fc.constant<BudgetScope>({ type: 'api-key', id: KEY }),
  fc.constantFrom('quick', 'vectors', 'texts').map((id): BudgetScope => ({ type: 'model', id: id as ModelId })),
);

/** Limits around what one to a few calls hold, so that calls of both fates are common. */
const limits = {
  cost: fc.bigInt(0n, 600_000n),
  tokens: fc.bigInt(0n, 6_000n),
  requests: fc.bigInt(0n, 8n),
};

function budget(index: number): fc.Arbitrary<LedgerCommand> {
  return fc
    .record({
      scope,
      unit: fc.constantFrom('cost', 'tokens', 'requests'),
      mode: fc.constantFrom('block', 'block', 'warn', 'notify'),
      period: fc.constantFrom('total', 'daily', 'monthly'),
    })
    .chain((drawn) =>
      limits[drawn.unit].map(
        (limit): LedgerCommand => ({
          type: 'DefineBudget',
          budgetId: `bgt_${index}` as BudgetId,
          name: `Budget ${index}`,
          thresholds: [50],
          timeZone: 'UTC',
          ...drawn,
          limit,
        }),
      ),
    );
}

const rateLimits: fc.Arbitrary<LedgerCommand> = fc
  .record({
    target: fc.constantFrom({ type: 'organization' } as const, { type: 'api-key', id: KEY } as const),
    limits: fc.record(
      {
        requestsPerMinute: fc.integer({ min: 1, max: 6 }),
        burst: fc.integer({ min: 1, max: 3 }),
        tokensPerMinute: fc.integer({ min: 50, max: 2_000 }),
        concurrency: fc.integer({ min: 1, max: 3 }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ target, limits: { burst, ...rest } }): LedgerCommand => {
    const isBursty = burst !== undefined && rest.requestsPerMinute !== undefined;
    return { type: 'SetLimits', target, limits: { ...rest, ...(isBursty ? { burst } : {}) } };
  });

const bar: fc.Arbitrary<LedgerCommand> = fc
  .constantFrom(
    { type: 'organization' } as const,
    { type: 'project', id: PROJECT } as const,
    {
      type: 'api-key',
      id: KEY,
    } as const,
  )
  .map((subject): LedgerCommand => ({ type: 'BarSubject', subject, reason: 'spec' }));

/** Earlier spending that no call of this world made. */
const spent: fc.Arbitrary<readonly [LedgerCommand, LedgerCommand]> = fc
  .record({ cost: fc.bigInt(0n, 200_000n), isKnown: fc.boolean(), id: fc.uuid() })
  .map(({ cost, isKnown, id }) => {
    const callId = `req_${id}` as CallId;
    const tokens = Number(cost / 100n);
    const trace = { attempts: [], latencyMs: 1 };
    const bounds = { inputTokensMax: tokens, inputTokensEstimate: 0, outputTokensCap: 0, outputsMax: 0 };
    const usage = { input: tokens, cachedInput: 0, cacheWrite: 0, output: 0 };
    return [
      {
        type: 'AuthorizeCall',
        callId,
        keyId: KEY,
        projectId: PROJECT,
        model: 'quick' as ModelId,
        endpoint: 'chat',
        stream: false,
        backendId: 'bkd_main' as BackendId,
        prices: PRICES,
        bounds: { ...bounds, outputCapSource: 'client' },
        outputTokensCapMin: 1,
        owner: 'boot_a' as BootId,
        dispatchWindowMs: 1_000,
        holdMs: 600_000,
      },
      isKnown
        ? { type: 'CompleteCall', callId, usage, certainty: 'reported', outcome: 'complete', trace }
        : { type: 'AbandonCall', callId, reason: 'spec', trace },
    ] satisfies readonly [LedgerCommand, LedgerCommand];
  });

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
const chatModel = fc.constantFrom('quick', 'silent', 'failing', 'refusing', 'stuck', 'stuck', 'withdrawn');
const anyModel = fc.oneof(
  { weight: 8, arbitrary: chatModel },
  { weight: 1, arbitrary: fc.constantFrom('vectors', 'unpriced', 'routeless', 'nobody/knows') },
);
const cap = fc.oneof(
  { weight: 15, arbitrary: fc.integer({ min: 1, max: 700 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const messages = fc.array(
  words.map((content) => ({ role: 'user', content })),
  { minLength: 1, maxLength: 3 },
);

/** JSON has no `undefined`. */
const body = (model: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(model).map((drawn) => JSON.parse(JSON.stringify(drawn)) as unknown);

const stream = optional(fc.boolean());
const request = fc.oneof(
  fc.record({
    path: fc.constant('/chat/completions'),
    body: body({
      model: anyModel,
      messages,
      max_tokens: optional(cap),
      n: optional(fc.integer({ min: 1, max: 3 })),
      stream,
    }),
  }),
  fc.record({
    path: fc.constant('/completions'),
    body: body({
      model: fc.constantFrom('texts', 'texts', 'quick'),
      prompt: fc.oneof(words, fc.array(words, { minLength: 1, maxLength: 3 })),
      max_tokens: optional(cap),
      stream,
    }),
  }),
  fc.record({
    path: fc.constant('/embeddings'),
    body: body({
      model: fc.constantFrom('vectors', 'vectors', 'quick'),
      input: fc.oneof(words, fc.array(words, { minLength: 1, maxLength: 3 })),
    }),
  }),
  fc.record({
    path: fc.constant('/responses'),
    body: body({
      model: anyModel,
      input: words,
      max_output_tokens: optional(fc.integer({ min: 16, max: 700 })),
      stream,
    }),
  }),
  fc.record({ path: fc.constant('/messages'), body: body({ model: anyModel, messages, max_tokens: cap, stream }) }),
  fc.record({ path: fc.constant('/inference'), body: body({ model: anyModel, prompt: words, stream }) }),
  fc.record({
    path: fc.constantFrom(...Object.keys(DIALECTS)),
    body: fc.oneof(fc.constant(null), fc.constant([]), fc.constant({ model: 'quick' }), fc.constant({ model: 7 })),
  }),
);

const life = fc.record({
  budgets: fc
    .integer({ min: 0, max: 5 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => budget(index)))),
  limits: fc.array(rateLimits, { maxLength: 2 }),
  isOfTeam: fc.boolean(),
  responseCache: fc.constantFrom(undefined, { ttlSeconds: 600, hitPricePercent: 30 }),
  spent: fc.array(spent, { maxLength: 3 }),
  bars: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(bar, { maxLength: 1 }) }),
  calls: fc.array(fc.record({ request, isRepeat: fc.boolean(), waitMs: fc.constantFrom(0, 0, 0, 1_000, 86_400_000) }), {
    minLength: 1,
    maxLength: 8,
  }),
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

async function begin(drawn: Life): Promise<CallWorld> {
  const { responseCache } = drawn;
  const world = new CallWorld({
    models: MODELS,
    isKept: (upstreamModel) => upstreamModel.includes('hang'),
    ...(responseCache === undefined ? {} : { responseCache }),
  });
  if (drawn.isOfTeam) await world.submit({ type: 'AssignProject', projectId: PROJECT, teamId: TEAM });
  for (const command of drawn.budgets) await world.submit(command);
  // Spent before any limit could refuse it; what a budget refuses was not spent.
  for (const [authorize, end] of drawn.spent)
    await world.deps.ledger.submit(ORG, authorize, SPEC).then(async ({ ok }) => {
      if (ok) await world.submit(end);
    });
  for (const command of [...drawn.limits, ...drawn.bars]) await world.submit(command);
  return world;
}

interface Verdict {
  readonly admitted: boolean;
  readonly [fact: string]: unknown;
}

/** Embeddings have none. */
function capOf({ outputTokensCap, outputsMax }: CallBounds) {
  return outputsMax === 0 ? {} : { output_cap: outputTokensCap };
}

/** What the record and the answer say about a call that was really made. */
async function decisionOn(world: CallWorld, path: string, given: unknown): Promise<Verdict> {
  const dialect = DIALECTS[path];
  if (dialect === undefined) throw new Error(path);
  const caller = world.caller();
  const side = await dialect.use((one) => world.run(one, given, caller));
  const report = world.reports.find(({ caller: { requestId } }) => requestId === caller.requestId);
  if (report?.outcome === 'refused') {
    const { error } = JSON.parse(side.text) as { error: { param: string | null; details?: Record<string, unknown> } };
    const { event_id: _event, ...details } = error.details ?? {};
    return { admitted: false, code: report.code, param: error.param, details };
  }
  const [authorized, ended] = await world.recorded(caller.requestId);
  if (authorized?.type !== 'InferenceAuthorized') throw new Error('an admitted call has no authorization on record');
  const { holdCost, bounds } = authorized.data;
  const from = ended?.type === 'InferenceCompleted' ? (ended.data.servedFrom ?? 'backend') : 'backend';
  return { admitted: true, hold_usd: formatUsd(holdCost), from, ...capOf(bounds) };
}

async function foretold(world: CallWorld, path: string, given: unknown): Promise<Verdict> {
  const verdict = await DIALECTS[path]?.use((one) => preflight(world.deps, one, sentBody(given), world.caller()));
  if (verdict === undefined) throw new Error(path);
  if (!verdict.admitted) {
    const { code, param, details } = verdict;
    return { admitted: false, code, param, details };
  }
  const { hold_usd, output_cap, served_from = 'backend' } = verdict.answer;
  return { admitted: true, hold_usd, from: served_from, ...(output_cap === undefined ? {} : { output_cap }) };
}

it('a preflight says of any call in any state what its real decision says', async () => {
  const fates = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(life, async (drawn) => {
      const world = await begin(drawn);
      try {
        let before = drawn.calls[0]?.request;
        for (const { request: drawnRequest, isRepeat, waitMs } of drawn.calls) {
          const asked = isRepeat && before !== undefined ? before : drawnRequest;
          before = asked;
          world.clock.pass(waitMs);
          const verdict = await foretold(world, asked.path, asked.body);
          expect(await decisionOn(world, asked.path, asked.body)).toEqual(verdict);
          const fate = verdict.admitted ? `admitted by ${verdict.from}` : String(verdict.code);
          fates.set(fate, (fates.get(fate) ?? 0) + 1);
        }
      } finally {
        await world.close();
      }
      expect(world.problems).toEqual([]);
    }),
    { numRuns: 200 },
  );
  // A property that only ever sees one fate proves little.
  expect([...fates.keys()]).toEqual(
    expect.arrayContaining([
      'admitted by backend',
      'admitted by cache',
      'budget_exhausted',
      'rate_limit_exceeded',
      'concurrency_limit_exceeded',
    ]),
  );
}, 60_000);

it('knows that other calls only hold what is left of a budget', async () => {
  const world = new CallWorld({ models: MODELS, isKept: (upstreamModel) => upstreamModel.includes('hang') });
  const scope = { type: 'organization' } as const;
  const budget = { budgetId: 'bgt_a' as BudgetId, name: 'All', scope, unit: 'requests', period: 'total' } as const;
  await world.submit({ type: 'DefineBudget', ...budget, limit: 1n, mode: 'block', thresholds: [], timeZone: 'UTC' });
  const asked = { model: 'stuck', prompt: 'Are you there?' };
  expect(await foretold(world, '/inference', asked)).toMatchObject({ admitted: true });
  expect(await decisionOn(world, '/inference', asked)).toMatchObject({ admitted: true });
  const verdict = await foretold(world, '/inference', asked);
  expect(verdict).toMatchObject({ code: 'budget_contended', details: { limit_id: 'bgt_a', held: '1', limit: '1' } });
  expect(await decisionOn(world, '/inference', asked)).toEqual(verdict);
  await world.close();
});
