import { errorOf, jsonOf } from './support/answers';
import { chatBody, eventOf, type Tenant } from './support/tenant';
import { World } from './support/world';

interface Verdict {
  readonly admitted: boolean;
  readonly hold_usd?: string;
  readonly likely_cost_usd?: string;
  readonly output_cap?: number;
  readonly code?: string;
  readonly status?: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

function nano(usd: string | undefined): bigint {
  const [whole = '0', fraction = ''] = (usd ?? '').split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** A preflight tells beforehand what the call itself would be told in the same state, and leaves no trace. */
describe('preflight', () => {
  let world: World;
  let model: string;

  beforeAll(async () => {
    world = await World.open();
    model = await world.model();
  });
  afterAll(() => world.close());

  async function preflight(tenant: Tenant, body: object): Promise<Verdict> {
    const before = await world.platform.ledgerEvents(tenant.orgId);
    const answer = await tenant.post('/preflight', { endpoint: '/v1/chat/completions', body });
    expect(answer.status).toBe(200);
    expect(await world.platform.ledgerEvents(tenant.orgId)).toHaveLength(before.length);
    return jsonOf<Verdict & Record<string, unknown>>(answer);
  }

  /** Details of two refusals are the same but for the recorded one's event. */
  function withoutEvent(details: Readonly<Record<string, unknown>> = {}) {
    const { event_id: _event, ...rest } = details;
    return rest;
  }

  async function expectSameRefusal(tenant: Tenant, body: Readonly<Record<string, unknown>>, code: string) {
    const verdict = await preflight(tenant, body);
    const answer = await tenant.post('/chat/completions', body);
    expect(verdict).toMatchObject({ admitted: false, code, status: answer.status });
    expect(errorOf(answer).code).toBe(code);
    expect(withoutEvent(verdict.details)).toEqual(withoutEvent(errorOf(answer).details));
  }

  it.each([{ max_tokens: 50 }, { max_tokens: undefined }, { max_tokens: 50, n: 3 }, { stream: true }])(
    'says what an admitted call holds (%p)',
    async (rest) => {
      const tenant = await world.tenant();
      const body = chatBody(model, rest);
      const verdict = await preflight(tenant, body);
      const answer = await tenant.post('/chat/completions', body);
      const authorized = eventOf(await tenant.recorded(answer.requestId), 'InferenceAuthorized');
      expect(verdict.admitted).toBe(true);
      expect(nano(verdict.hold_usd)).toBe(authorized.holdCost);
      expect(verdict.output_cap).toBe(authorized.bounds.outputTokensCap);
      expect(nano(verdict.likely_cost_usd)).toBeLessThanOrEqual(authorized.holdCost);
    },
  );

  it('clamps a default cap as the call does', async () => {
    const tenant = await world.tenant({ limit: '0.0003' });
    const body = chatBody(model, { max_tokens: undefined });
    const verdict = await preflight(tenant, body);
    const answer = await tenant.post('/chat/completions', body);
    expect(verdict).toMatchObject({ admitted: true, output_cap_clamped: true });
    expect(answer.headers.get('x-output-cap')).toBe(String(verdict.output_cap));
  });

  it('says which budget has no room, and which cap would fit', async () => {
    const tenant = await world.tenant({ limit: '0.0001' });
    await expectSameRefusal(tenant, chatBody(model), 'budget_exhausted');
  });

  it('knows of rate limits', async () => {
    const tenant = await world.tenant({ limits: { requestsPerMinute: 1, burst: 1, concurrency: 10 } });
    expect((await preflight(tenant, chatBody(model))).admitted).toBe(true);
    await tenant.chat(model);
    const verdict = await preflight(tenant, chatBody(model));
    expect(verdict).toMatchObject({ admitted: false, code: 'rate_limit_exceeded', status: 429 });
    expect((await tenant.chat(model)).status).toBe(429);
  });

  it('knows of unknown models and bodies that make no sense', async () => {
    const tenant = await world.tenant();
    await expectSameRefusal(tenant, chatBody('no/such'), 'model_not_found');
    await expectSameRefusal(tenant, chatBody(model, { max_tokens: 0 }), 'invalid_value');
    await expectSameRefusal(tenant, chatBody(model, { Max_Tokens: 1 }), 'ambiguous_field');
  });

  it('knows of calls that hold the rest of a budget', async () => {
    const slow = await world.model({ pauseAfter: 0 });
    const tenant = await world.tenant({ limit: '0.0005' });
    const running = tenant.chat(slow, { max_tokens: 200, user: 'marker-preflight' });
    await world.upstream.callWith('marker-preflight');
    const verdict = await preflight(tenant, chatBody(model, { max_tokens: 200 }));
    expect(verdict).toMatchObject({ admitted: false, code: 'budget_contended', status: 429 });
    world.upstream.resume();
    await running;
    expect((await preflight(tenant, chatBody(model, { max_tokens: 200 }))).admitted).toBe(true);
  });

  it('refuses an endpoint that there is not', async () => {
    const tenant = await world.tenant();
    const answer = await tenant.post('/preflight', { endpoint: '/v1/audio/speech', body: {} });
    expect([answer.status, errorOf(answer).code, errorOf(answer).param]).toEqual([400, 'invalid_value', 'endpoint']);
  });
});
