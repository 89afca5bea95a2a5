import type { LedgerEvent } from '#ledger';
import type { MockPlan } from '#testing/mock-upstream';
import { type Answer, errorOf, framesOf, jsonOf, lastFrameError } from './support/answers';
import { eventOf, type Tenant } from './support/tenant';
import { type ModelOptions, World } from './support/world';

/** Of 10 tokens in and 3 out at these tests' prices. */
const COST_OF_CALL = 16_000n;
const NOTHING = { settled: 0n, held: 0n, unresolved: 0n };

interface Outcome {
  readonly tenant: Tenant;
  readonly answer: Answer;
  readonly events: readonly LedgerEvent[];
}

function types({ events }: Outcome): readonly string[] {
  return events.map(({ type }) => type);
}

/** The whole hold: what an unresolved call counts. */
function ceiling({ events }: Outcome): bigint {
  return eventOf(events, 'InferenceAuthorized').holdCost;
}

function shouldRetry({ answer }: Outcome): string | null {
  return answer.headers.get('x-should-retry');
}

/** One test per row of the table of outcomes: status, record, charge, hold, and whether the client is told to retry. */
describe('outcomes of a call', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  /** A customer of its own calls a backend of its own, so that the budget shows this call and nothing else. */
  async function outcomeOf(plan: Partial<MockPlan>, body: object = {}, options: ModelOptions = {}): Promise<Outcome> {
    const [tenant, model] = await Promise.all([world.tenant(), world.model(plan, options)]);
    const answer = await tenant.chat(model, { ...body });
    return { tenant, answer, events: await tenant.recorded(answer.requestId) };
  }

  /** Quick to give up on a backend. */
  const HASTY: ModelOptions = { backend: { timeouts: { connectMs: 1_000, firstByteMs: 300, idleMs: 300 } } };

  describe.each([
    ['unstreamed', {}],
    ['streamed', { stream: true }],
  ])('%s', (_way, body) => {
    it('a backend that cannot be reached costs nothing and may be tried again', async () => {
      const outcome = await outcomeOf({}, body, { backend: { baseUrl: 'http://127.0.0.1:9/v1' } });
      expect(outcome.answer.status).toBe(503);
      expect(errorOf(outcome.answer).code).toBe('backend_unavailable');
      expect(shouldRetry(outcome)).toBe('true');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it("a backend's 400 keeps its code", async () => {
      const outcome = await outcomeOf({ status: 400, code: 'context_length_exceeded', message: 'Too long.' }, body);
      expect(outcome.answer.status).toBe(400);
      expect(errorOf(outcome.answer)).toMatchObject({ code: 'context_length_exceeded', message: 'Too long.' });
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(eventOf(outcome.events, 'InferenceReleased').attempts).toMatchObject([{ status: 400 }]);
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it.each([401, 402, 403])("a backend's %i is the operator's to mend", async (status) => {
      const outcome = await outcomeOf({ status, message: 'Incorrect API key provided: sk-upstream.' }, body);
      expect(outcome.answer.status).toBe(502);
      expect(errorOf(outcome.answer).code).toBe('backend_misconfigured');
      expect(outcome.answer.text).not.toContain('sk-upstream');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it("a backend's 429 is passed on with its wait", async () => {
      const outcome = await outcomeOf({ status: 429, retryAfter: '7' }, body);
      expect(outcome.answer.status).toBe(429);
      expect(errorOf(outcome.answer).code).toBe('backend_rate_limited');
      expect(outcome.answer.headers.get('retry-after')).toBe('7');
      expect(shouldRetry(outcome)).toBe('true');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it.each([
      [500, 'backend_failed'],
      [503, 'backend_overloaded'],
      [529, 'backend_overloaded'],
    ])("a backend's %i is no bill: it keeps its status and may be tried again", async (status, code) => {
      const outcome = await outcomeOf({ status, retryAfter: '7' }, body);
      expect(outcome.answer.status).toBe(status);
      expect(errorOf(outcome.answer).code).toBe(code);
      expect(outcome.answer.headers.get('retry-after')).toBe('7');
      expect(shouldRetry(outcome)).toBe('true');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it.each([
      [500, { unbilledServerErrors: false }],
      [529, { unbilledOverload: false }],
      [502, {}],
    ])('a %i that may have been billed (%j) counts at the ceiling', async (status, backend) => {
      const outcome = await outcomeOf({ status }, body, { backend });
      expect(outcome.answer.status).toBe(502);
      expect(errorOf(outcome.answer).code).toBe('backend_failed');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceFailed']);
      expect(eventOf(outcome.events, 'InferenceFailed').billed).toBe('unknown');
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('a 502 of a backend that never bills for it costs nothing and may be tried again', async () => {
      const outcome = await outcomeOf({ status: 502 }, body, { backend: { unbilledServerErrors: true } });
      expect(outcome.answer.status).toBe(502);
      expect(shouldRetry(outcome)).toBe('true');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceFailed']);
      expect(eventOf(outcome.events, 'InferenceFailed').billed).toBe('never');
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it('no first byte in time counts at the ceiling', async () => {
      const outcome = await outcomeOf({ pauseAfter: 0 }, body, HASTY);
      expect(outcome.answer.status).toBe(504);
      expect(errorOf(outcome.answer).code).toBe('backend_timeout');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('a connection reset before the headers counts at the ceiling', async () => {
      const outcome = await outcomeOf({ ending: 'reset' }, body);
      expect(outcome.answer.status).toBe(502);
      expect(errorOf(outcome.answer).code).toBe('backend_interrupted');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('garbage instead of an answer counts at the ceiling', async () => {
      const outcome = await outcomeOf({ ending: 'garbage', endAfter: 0 }, body);
      expect(outcome.answer.status).toBe(502);
      expect(errorOf(outcome.answer).code).toBe('backend_invalid_answer');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('a page of HTML instead of an answer counts at the ceiling', async () => {
      const outcome = await outcomeOf({ ending: 'page', endAfter: 0 }, body);
      expect(outcome.answer.status).toBe(502);
      expect(errorOf(outcome.answer).code).toBe('backend_invalid_answer');
      expect(outcome.answer.text).not.toContain('html');
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('an error in place of any output is no bill, and an answer like any other error', async () => {
      const outcome = await outcomeOf({ ending: 'error-frame', endAfter: 0 }, body);
      expect(outcome.answer.status).toBe(500);
      expect(errorOf(outcome.answer).code).toBe('backend_failed');
      expect(shouldRetry(outcome)).toBe('true');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      expect(eventOf(outcome.events, 'InferenceReleased')).toMatchObject({
        dispatched: true,
        attempts: [{ status: 200, error: expect.stringContaining('backend-error') }],
      });
      expect(await outcome.tenant.money()).toEqual(NOTHING);
    });

    it('an error in place of any output counts at the ceiling where the backend may bill it', async () => {
      const backend = { unbilledServerErrors: false };
      const outcome = await outcomeOf({ ending: 'error-frame', endAfter: 0 }, body, { backend });
      expect(outcome.answer.status).toBe(502);
      expect(shouldRetry(outcome)).toBe('false');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('a complete answer is charged what the backend reported', async () => {
      const outcome = await outcomeOf({ cachedTokens: 4 }, body, { prices: { cachedInput: '0.5' } });
      expect(outcome.answer.status).toBe(200);
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
      expect(eventOf(outcome.events, 'InferenceCompleted')).toMatchObject({
        outcome: 'complete',
        certainty: 'reported',
        usage: { input: 6, cachedInput: 4, cacheWrite: 0, output: 3 },
        charged: 14_000n,
        excess: 0n,
        upstreamRequestId: 'upstream-request',
      });
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: 14_000n });
    });

    it('without a reported usage what was seen is counted', async () => {
      const outcome = await outcomeOf({ usage: 'none' }, body);
      expect(outcome.answer.status).toBe(200);
      const { certainty, usage, charged } = eventOf(outcome.events, 'InferenceCompleted');
      expect(certainty).toBe('counted');
      const { bounds } = eventOf(outcome.events, 'InferenceAuthorized');
      expect(usage.input).toBe(bounds.inputTokensMax);
      expect(usage.output).toBeGreaterThanOrEqual(3);
      expect(charged).toBe(BigInt(usage.input) * 1_000n + BigInt(usage.output) * 2_000n);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: charged });
    });

    it.each(['negative', 'cached-above-prompt'] as const)(
      'an absurd usage (%s) is not taken as reported',
      async (usage) => {
        const outcome = await outcomeOf({ usage }, body);
        expect(outcome.answer.status).toBe(200);
        const completed = eventOf(outcome.events, 'InferenceCompleted');
        expect(completed.certainty).toBe('counted');
        expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: completed.charged });
      },
    );

    it('a usage above the hold is charged up to the hold, and the excess is on record', async () => {
      const outcome = await outcomeOf({ promptTokens: 5_000 }, body);
      expect(outcome.answer.status).toBe(200);
      const completed = eventOf(outcome.events, 'InferenceCompleted');
      const actual = 5_000n * 1_000n + BigInt(completed.usage.output) * 2_000n;
      expect(completed).toMatchObject({ certainty: 'reported', actual, charged: ceiling(outcome) });
      expect(completed.excess).toBe(actual - ceiling(outcome));
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: ceiling(outcome) });
    });
  });

  it.each([
    { completionTokens: 5_000, what: 'more output than was granted' },
    { promptTokens: 9_000, what: "more input than the model's context holds" },
  ])('$what is impossible, and not taken as reported', async ({ what: _, ...plan }) => {
    const outcome = await outcomeOf(plan);
    expect(outcome.answer.status).toBe(200);
    const completed = eventOf(outcome.events, 'InferenceCompleted');
    expect(completed).toMatchObject({ certainty: 'counted', excess: 0n });
    expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: completed.charged });
    // The input that was reported with it is possible, and the cap is all that can have been generated.
    const { bounds } = eventOf(outcome.events, 'InferenceAuthorized');
    if ('completionTokens' in plan)
      expect(completed.charged).toBe(10n * 1_000n + BigInt(bounds.outputTokensCap) * 2_000n);
  });

  it('after an input above its bound a model holds its whole context', async () => {
    const [tenant, model] = await Promise.all([world.tenant(), world.model({ promptTokens: 5_000 })]);
    const first = await tenant.chat(model);
    await world.platform.logged('alarm', (line) => line.level === 'error' && line.callId === first.requestId);
    // The alarm sounds before the withdrawal is recorded.
    const { admin } = world.platform;
    while (!JSON.stringify(await admin.request('GET', `/models/${model}`)).includes('"boundWithdrawn":true'))
      await new Promise((resolve) => setImmediate(resolve));
    const second = await tenant.chat(model);
    const { bounds } = eventOf(await tenant.recorded(second.requestId), 'InferenceAuthorized');
    expect(bounds.inputTokensMax).toBe(8_000);
  });

  it('half an unstreamed answer counts at the ceiling', async () => {
    const outcome = await outcomeOf({ ending: 'half-frame' });
    expect(outcome.answer.status).toBe(502);
    expect(errorOf(outcome.answer).code).toBe('backend_invalid_answer');
    expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
    expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
  });

  describe('a stream that has begun', () => {
    it.each([
      ['cut', 'backend_interrupted'],
      ['cut-in-frame', 'backend_interrupted'],
      ['half-frame', 'backend_invalid_answer'],
      ['garbage', 'backend_invalid_answer'],
      ['error-frame', 'backend_failed'],
    ] as const)('and breaks (%s) ends with one error frame, without [DONE]', async (ending, code) => {
      const outcome = await outcomeOf({ ending, endAfter: 2 }, { stream: true });
      expect(outcome.answer.status).toBe(200);
      const frames = framesOf(outcome.answer);
      expect(frames).toHaveLength(3);
      expect(lastFrameError(outcome.answer)).toMatchObject({ code, request_id: outcome.answer.requestId });
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(eventOf(outcome.events, 'InferenceUnresolved').counted?.usage.output).toBeGreaterThanOrEqual(2);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('and falls silent ends with one error frame', async () => {
      // Patient until it has begun: a busy machine may take its time for that.
      const timeouts = { connectMs: 10_000, firstByteMs: 10_000, idleMs: 300 };
      const outcome = await outcomeOf({ pauseAfter: 1 }, { stream: true }, { backend: { timeouts } });
      expect(framesOf(outcome.answer)).toHaveLength(2);
      expect(lastFrameError(outcome.answer).code).toBe('backend_timeout');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, unresolved: ceiling(outcome) });
    });

    it('and loses only its [DONE] is complete', async () => {
      const outcome = await outcomeOf({ ending: 'no-done' }, { stream: true });
      expect(framesOf(outcome.answer).at(-1)).toBe('[DONE]');
      expect(types(outcome)).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
      expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: COST_OF_CALL });
    });

    it.each([{ crlf: true }, { usageOnFinish: true }, { delayMs: 5 }])(
      'in another manner (%p) is the same',
      async (plan) => {
        const outcome = await outcomeOf(plan, { stream: true, stream_options: { include_usage: true } });
        const frames = framesOf(outcome.answer);
        expect(frames.at(-1)).toBe('[DONE]');
        expect(jsonOf({ text: frames.at(-2) ?? '' })).toMatchObject({
          choices: [],
          usage: { prompt_tokens: 10, completion_tokens: 3, cost: expect.anything() },
        });
        expect(await outcome.tenant.money()).toEqual({ ...NOTHING, settled: COST_OF_CALL });
      },
    );
  });
});
