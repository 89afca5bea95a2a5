import { setTimeout } from 'node:timers/promises';
import { type Answer, errorOf, jsonOf, read } from './support/answers';
import { chatBody, type Tenant } from './support/tenant';
import { World } from './support/world';

/** Everything else that is refused is refused for good: clients must not try it again. */
const CURABLE = [409, 429, 503];

/** Every failure of the plane has this shape, whoever found it. */
function expectRefusal(answer: Answer, status: number, code: string): void {
  expect([answer.status, errorOf(answer).code]).toEqual([status, code]);
  const { details, param } = errorOf(answer);
  expect(jsonOf(answer)).toEqual({
    error: {
      message: expect.stringMatching(/\.$/),
      type: expect.stringMatching(/_error$/),
      code,
      param: param === null ? null : expect.any(String),
      request_id: answer.requestId,
      ...(details === undefined ? {} : { details: expect.any(Object) }),
    },
  });
  expect(answer.requestId).toMatch(/^req_/);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.headers.get('x-should-retry')).toBe(String(CURABLE.includes(status)));
  expect(errorOf(answer).message).not.toMatch(/will reset at|billing|quota/i);
  if (status !== 429) return;
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  expect(answer.headers.get('retry-after-ms')).toMatch(/^\d+$/);
  expect(errorOf(answer).message).toMatch(/Please try again in \d+s\.$/);
}

/** The same, where routes answer in shapes of their own. */
function expectOnlyCode(answer: Answer, code: string): void {
  expect([answer.status, answer.text]).toEqual([403, expect.stringContaining(`"${code}"`)]);
}

describe('refusals', () => {
  let world: World;
  let tenant: Tenant;
  let model: string;

  beforeAll(async () => {
    world = await World.open();
    [tenant, model] = await Promise.all([world.tenant(), world.model()]);
  });
  afterAll(() => world.close());

  /** Types of what a piece of work appends to a customer's ledger. */
  async function appendedBy(of: Tenant, work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = (await world.platform.ledgerEvents(of.orgId)).length;
    const calls = world.upstream.callCount;
    await work();
    expect(world.upstream.callCount).toBe(calls);
    return (await world.platform.ledgerEvents(of.orgId)).slice(before).map(({ event }) => event.type);
  }

  function postAs(headers: Readonly<Record<string, string>>, path = '/chat/completions'): Promise<Answer> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    return fetch(`${world.platform.url}/v1${path}`, { ...init, body: JSON.stringify(chatBody(model)) }).then(read);
  }

  describe('of keys', () => {
    it.each([
      ['no key', {}, 'missing_api_key'],
      ['a malformed key', { authorization: 'Bearer nonsense' }, 'invalid_api_key'],
      ['another scheme', { authorization: 'Basic YTpi' }, 'invalid_api_key'],
      ['an unknown key', { authorization: `Bearer aiaas_live_${'a'.repeat(60)}` }, 'invalid_api_key'],
    ])('%s', async (_what, headers, code) => {
      expect(await appendedBy(tenant, async () => expectRefusal(await postAs(headers), 401, code))).toEqual([]);
    });

    it('a key with one character changed, or the token of an administrator', async () => {
      const { secret } = tenant.key;
      const changed = secret.slice(0, -1) + (secret.endsWith('a') ? 'b' : 'a');
      for (const key of [changed, world.platform.firstRun.systemToken]) {
        const answer = await postAs({ authorization: `Bearer ${key}` });
        expectRefusal(answer, 401, 'invalid_api_key');
        expect(answer.text).not.toContain(key.slice(0, 24));
      }
    });

    it('two credentials that differ; the same one twice is fine, and so is X-API-Key alone', async () => {
      const { secret } = tenant.key;
      const bearer = { authorization: `Bearer ${secret}` };
      expectRefusal(await postAs({ ...bearer, 'x-api-key': 'other' }), 400, 'conflicting_credentials');
      expect((await postAs({ ...bearer, 'x-api-key': secret })).status).toBe(200);
      expect((await postAs({ 'x-api-key': secret })).status).toBe(200);
    });

    it('a revoked one, at once', async () => {
      const { admin } = world.platform;
      const key = await admin.createKey(tenant.orgId, tenant.projectId);
      const bearer = { authorization: `Bearer ${key.secret}` };
      expect((await postAs(bearer)).status).toBe(200);
      await admin.request('POST', `/organizations/${tenant.orgId}/api-keys/${key.id}/revoke`, { reason: 'leaked' });
      expectRefusal(await postAs(bearer), 401, 'key_revoked');
    });

    it('an expired one', async () => {
      // Far enough away that a busy machine makes the key before it has expired.
      const expiresAt = new Date(Date.now() + 4_000).toISOString();
      const key = await world.platform.admin.createKey(tenant.orgId, tenant.projectId, { expiresAt });
      await setTimeout(Math.max(0, Date.parse(expiresAt) - Date.now()) + 50);
      expectRefusal(await postAs({ authorization: `Bearer ${key.secret}` }), 401, 'key_expired');
    });

    it('one that may not be used from here', async () => {
      const key = await world.platform.admin.createKey(tenant.orgId, tenant.projectId, { allowedIps: ['10.9.8.0/24'] });
      expectRefusal(await postAs({ authorization: `Bearer ${key.secret}` }), 403, 'ip_not_allowed');
    });

    it.each([
      ['whose owner is disabled', 'key_suspended', (id: string) => ['DELETE', `/service-accounts/${id}`] as const],
      ['whose project is archived', 'key_suspended', (_: string, id: string) => ['DELETE', `/projects/${id}`] as const],
      ['of a closed organization', 'organization_suspended', () => ['POST', '/close'] as const],
    ])('one %s, on every route', async (_what, code, off) => {
      const { admin, url } = world.platform;
      const { orgId, projectId } = await world.tenant();
      const path = `/organizations/${orgId}`;
      const account = await admin.request('POST', `${path}/service-accounts`, { name: 'bot', roles: ['developer'] });
      const { id } = account as { id: string };
      const scopes = ['inference', 'usage:read', 'analytics:read'];
      const owner = { type: 'service-account', id };
      const { secret, id: keyId } = await admin.createKey(orgId, projectId, { owner, scopes });
      const authorization = `Bearer ${secret}`;
      const call = await postAs({ authorization });
      expect(call.status).toBe(200);
      const [method, switched] = off(id, projectId);
      await admin.request(method, `${path}${switched}`);
      const posts = ['/chat/completions', '/messages', '/messages/count_tokens', '/preflight', '/elsewhere'];
      for (const route of posts) expectOnlyCode(await postAs({ authorization }, route), code);
      for (const route of ['/models', '/usage', '/calls', `/calls/${call.requestId}`, '/elsewhere'])
        expectOnlyCode(await fetch(`${url}/v1${route}`, { headers: { authorization } }).then(read), code);
      const analytics = await fetch(`${url}/analytics/v1/organizations/${orgId}/usage`, {
        headers: { authorization },
      }).then(read);
      expect([analytics.status, jsonOf(analytics)]).toEqual([403, expect.objectContaining({ code })]);
      await expect(admin.request('POST', `${path}/api-keys/${keyId}/rotate`, { graceSeconds: 0 })).rejects.toThrow(
        /disabled|archived|closed/,
      );
    });

    it('one of a suspended organization, until it is resumed', async () => {
      const other = await world.tenant();
      const { admin } = world.platform;
      await admin.request('POST', `/organizations/${other.orgId}/suspend`, { reason: 'review' });
      expectRefusal(await other.chat(model), 403, 'organization_suspended');
      expectRefusal(await other.get('/models'), 403, 'organization_suspended');
      await admin.request('POST', `/organizations/${other.orgId}/resume`);
      expect((await other.chat(model)).status).toBe(200);
    });
  });

  describe('of models', () => {
    it('unknown, not allowed, without a price, of another kind', async () => {
      const unpriced = await world.model({}, { prices: null });
      const granted = await world.model({}, { rest: { visibility: 'granted' } });
      const embedding = await world.model({}, { kind: 'embedding' });
      const other = await world.model();
      const narrow = await world.tenant({ key: { models: [model] } });
      expectRefusal(await tenant.chat('nobody/knows'), 404, 'model_not_found');
      expectRefusal(await tenant.chat(granted), 404, 'model_not_found');
      expectRefusal(await tenant.chat(unpriced), 404, 'model_not_priced');
      expectRefusal(await tenant.chat(embedding), 400, 'model_not_for_route');
      expectRefusal(await narrow.chat(other), 403, 'model_not_allowed');
      expect((await narrow.chat(model)).status).toBe(200);
    });

    it('are recorded once, however often they come, and counted afterwards', async () => {
      const fresh = await world.tenant();
      const appended = await appendedBy(fresh, async () => {
        for (let i = 0; i < 5; i += 1) expectRefusal(await fresh.chat('nobody/knows'), 404, 'model_not_found');
      });
      expect(appended).toEqual(['InferenceRefused']);
    });

    it('keep of a foreign name only its beginning', async () => {
      const name = `${'x'.repeat(200)}secret-tail-${'y'.repeat(100_000)}`;
      expectRefusal(await tenant.chat(name), 404, 'model_not_found');
      const stored = await world.platform.allEvents();
      expect(stored.some(({ body }) => Buffer.from(body).includes('secret-tail'))).toBe(false);
    });
  });

  describe('of bodies', () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

    it.each([
      ['no JSON', '{"model": ', 'invalid_json'],
      ['nothing', '', 'invalid_json'],
      ['no object', '[1]', 'invalid_type'],
      ['a prototype', '{"__proto__": {"model": "x"}, "messages": []}', 'invalid_json'],
      ['no model', JSON.stringify({ messages: [{ role: 'user', content: 'x' }] }), 'missing_required_parameter'],
      ['a model of the wrong type', JSON.stringify(chatBody('m', { model: 7 })), 'invalid_type'],
      ['no messages', JSON.stringify({ model: 'm' }), 'missing_required_parameter'],
      ['empty messages', JSON.stringify({ model: 'm', messages: [] }), 'invalid_value'],
      ['a message that is none', JSON.stringify({ model: 'm', messages: ['x'] }), 'invalid_type'],
      ['both caps', JSON.stringify(chatBody('m', { max_completion_tokens: 5 })), 'conflicting_parameters'],
      ['a cap of 0', JSON.stringify(chatBody('m', { max_tokens: 0 })), 'invalid_value'],
      ['a negative cap', JSON.stringify(chatBody('m', { max_tokens: -1 })), 'invalid_value'],
      ['a fractional cap', JSON.stringify(chatBody('m', { max_tokens: 1.5 })), 'invalid_value'],
      ['a cap of null', JSON.stringify(chatBody('m', { max_tokens: null })), 'invalid_type'],
      ['a text as cap', JSON.stringify(chatBody('m', { max_tokens: '5' })), 'invalid_type'],
      ['a cap beyond integers', JSON.stringify(chatBody('m', { max_tokens: 1e300 })), 'invalid_value'],
      ['a case variant of a metered key', JSON.stringify(chatBody('m', { Max_Tokens: 5 })), 'ambiguous_field'],
      ['a case variant of the choices', JSON.stringify(chatBody('m', { N: 5 })), 'ambiguous_field'],
      ['an unpriced option', JSON.stringify(chatBody('m', { web_search_options: {} })), 'unsupported_field'],
      [
        'a lone surrogate in the prompt',
        '{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        'invalid_unicode',
      ],
      ['a lone surrogate in a key', '{"model":"m","messages":[{"role":"user"}],"\\udc00":1}', 'invalid_unicode'],
      ['a lone surrogate in the model', '{"model":"\\ud800","messages":[{"role":"user"}]}', 'invalid_unicode'],
      [
        'a lone surrogate in metadata',
        '{"model":"m","messages":[{"role":"user"}],"metadata":{"a":"\\ud800"}}',
        'invalid_unicode',
      ],
      [
        'a nesting without end',
        `{"model":"m","messages":[{"role":"user","content":${deep(5_000)}}]}`,
        'nesting_too_deep',
      ],
    ])('%s', async (_what, body, code) => {
      const appended = await appendedBy(tenant, async () =>
        expectRefusal(await tenant.post('/chat/completions', body), 400, code),
      );
      expect(appended.every((type) => type === 'InferenceRefused')).toBe(true);
    });

    it('another content type than JSON', async () => {
      const answer = await tenant.post('/chat/completions', 'model=m', { 'content-type': 'text/plain' });
      expectRefusal(answer, 400, 'unsupported_content_type');
    });

    it('more bytes than allowed, announced or not', async () => {
      const text = JSON.stringify(chatBody(model, { padding: 'x'.repeat(33 * 1024 * 1024) }));
      expectRefusal(await tenant.post('/chat/completions', text), 413, 'request_too_large');
      const chunks = new Blob([text]).stream();
      const init = { method: 'POST', body: chunks, duplex: 'half' } as RequestInit;
      expectRefusal(await read(await tenant.fetch('/chat/completions', init)), 413, 'request_too_large');
    });

    it('a large body within the limit is no trouble', async () => {
      const content = 'x'.repeat(8 * 1024 * 1024);
      const answer = await tenant.chat(model, { messages: [{ role: 'user', content }] });
      expect(answer.status).toBe(200);
    });

    it('an unknown route and an unknown method', async () => {
      expectRefusal(await tenant.post('/audio/speech', {}), 404, 'unsupported_route');
      expectRefusal(await tenant.get('/chat/completions'), 404, 'unsupported_route');
    });

    it('an Idempotency-Key that is none', async () => {
      expectRefusal(
        await tenant.chat(model, {}, { 'idempotency-key': 'x'.repeat(300) }),
        400,
        'invalid_idempotency_key',
      );
    });
  });

  describe('of budgets and limits', () => {
    it('a budget without room says everything its owner needs', async () => {
      const poor = await world.tenant({ limit: '0.0001' });
      const appended = await appendedBy(poor, async () => {
        const answer = await poor.chat(model, { max_tokens: 100 });
        expectRefusal(answer, 402, 'budget_exhausted');
        const details = errorOf(answer).details ?? {};
        expect(details).toMatchObject({
          limit_id: poor.budgetId,
          scope: 'organization',
          unit: 'cost',
          limit: '0.0001',
          settled: '0',
          held: '0',
          unresolved: '0',
          event_id: expect.any(String),
        });
        expect(Number(details.requested)).toBeGreaterThan(0.0001);
        expect(details.cap_that_fits).toBeGreaterThan(0);
        expect(details.cap_that_fits).toBeLessThan(100);
      });
      expect(appended).toEqual(['InferenceRefused']);
    });

    it('the cap that fits does fit, and a default cap is clamped to it', async () => {
      const poor = await world.tenant({ limit: '0.0002' });
      const refused = await poor.chat(model, { max_tokens: 1_000 });
      const fits = Number(errorOf(refused).details?.cap_that_fits);
      const clamped = await poor.chat(model, { max_tokens: undefined });
      expect([clamped.status, clamped.headers.get('x-output-cap')]).toEqual([200, String(fits)]);
      const other = await world.tenant({ limit: '0.0002' });
      expect((await other.chat(model, { max_tokens: fits + 1 })).status).toBe(402);
      expect((await other.chat(model, { max_tokens: fits })).status).toBe(200);
    });

    it('a budget whose rest others hold is contended, not exhausted', async () => {
      const slow = await world.model({ pauseAfter: 0 });
      const poor = await world.tenant({ limit: '0.0005' });
      const running = poor.chat(slow, { max_tokens: 200, user: 'marker-contended' });
      await world.upstream.callWith('marker-contended');
      expectRefusal(await poor.chat(model, { max_tokens: 200 }), 429, 'budget_contended');
      // A waiting call gets through as soon as the other one ends.
      const waiting = poor.chat(model, { max_tokens: 200 });
      await setTimeout(100);
      world.upstream.resume();
      expect([(await running).status, (await waiting).status]).toEqual([200, 200]);
    });

    it('too many requests in too short a time', async () => {
      const busy = await world.tenant({ limits: { requestsPerMinute: 6, burst: 2, concurrency: 10 } });
      expect((await busy.chat(model)).status).toBe(200);
      expect((await busy.chat(model)).headers.get('x-ratelimit-remaining-requests')).toBe('0');
      const answer = await busy.chat(model);
      expectRefusal(answer, 429, 'rate_limit_exceeded');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(5);
      expect(errorOf(answer).details).toMatchObject({ scope: 'api-key', unit: 'requests', limit: 6, remaining: 0 });
    });

    it('too many tokens in too short a time', async () => {
      const busy = await world.tenant({ limits: { tokensPerMinute: 150, requestsPerMinute: 100, concurrency: 10 } });
      const first = await busy.chat(model, { max_tokens: 100 });
      expect([first.status, first.headers.get('x-ratelimit-limit-tokens')]).toEqual([200, '150']);
      // What the first call did not use came back, but not enough for one that takes all; it fills in five seconds.
      expectRefusal(await busy.chat(model, { max_tokens: 150 }), 429, 'rate_limit_exceeded');
    });

    it('too many calls at once, after a short wait in line', async () => {
      const slow = await world.model({ pauseAfter: 0 });
      const single = await world.tenant({ limits: { requestsPerMinute: 1_000, concurrency: 1 } });
      const running = single.chat(slow, { user: 'marker-concurrency' });
      await world.upstream.callWith('marker-concurrency');
      const startedAt = performance.now();
      expectRefusal(await single.chat(model), 429, 'concurrency_limit_exceeded');
      expect(performance.now() - startedAt).toBeGreaterThan(900);
      const waiting = single.chat(model);
      await setTimeout(100);
      world.upstream.resume();
      expect([(await running).status, (await waiting).status]).toEqual([200, 200]);
    });

    it('a budget that only warns lets the call pass and says so', async () => {
      const warned = await world.tenant();
      const scope = { type: 'project', id: warned.projectId };
      const budgetId = await world.platform.admin.createBudget(warned.orgId, '0.000001', {
        name: 'Warning',
        mode: 'warn',
        scope,
      });
      const answer = await warned.chat(model);
      expect([answer.status, answer.headers.get('x-budget-warning')]).toEqual([200, budgetId]);
      const types = (await world.platform.ledgerEvents(warned.orgId)).map(({ event }) => event.type);
      expect(types).toContain('BudgetExceeded');
    });

    it('many calls at once never take a budget beyond its limit', async () => {
      const limit = 1_000_000n;
      const crowd = await world.tenant({ limit: '0.001' });
      const answers = await Promise.all(Array.from({ length: 40 }, () => crowd.chat(model, { max_tokens: 20 })));
      const statuses = new Set(answers.map(({ status }) => status));
      expect([...statuses].every((status) => [200, 402, 429].includes(status))).toBe(true);
      const { settled, held, unresolved } = await crowd.money();
      expect(settled).toBe(BigInt(answers.filter(({ status }) => status === 200).length) * 16_000n);
      expect(settled).toBeLessThanOrEqual(limit);
      expect([held, unresolved]).toEqual([0n, 0n]);
    });
  });
});
