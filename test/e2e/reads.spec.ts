import { errorOf, jsonOf, read } from './support/answers';
import type { Tenant } from './support/tenant';
import { World } from './support/world';

describe('reads', () => {
  let world: World;
  let tenant: Tenant;
  let model: string;

  beforeAll(async () => {
    world = await World.open();
    [tenant, model] = await Promise.all([world.tenant(), world.model()]);
  });
  afterAll(() => world.close());

  /** Position of the newest event of the record. */
  async function newest(): Promise<bigint> {
    return (await world.platform.allEvents()).at(-1)?.position ?? 0n;
  }

  async function readCall(of: Tenant, requestId: string, route = 'calls') {
    return of.get(`/${route}/${requestId}?atLeast=${await newest()}`);
  }

  it.each(['calls', 'audit/requests'])('GET /v1/%s/{id} has the recorded facts', async (route) => {
    const call = await tenant.chat(model, {}, { 'x-client-request-id': 'mine-7' });
    const answer = await readCall(tenant, call.requestId, route);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-request-id')).not.toBe(call.requestId);
    const facts = jsonOf(answer);
    expect(JSON.stringify(facts)).toContain(call.requestId);
    expect(facts).toMatchObject({ model, certainty: 'reported', watermark: expect.any(Object) });
    expect(JSON.stringify(facts)).toContain('0.000016');
  });

  it('has refused and broken calls, too', async () => {
    const refused = await tenant.chat('no/such');
    expect((await readCall(tenant, refused.requestId)).status).toBe(200);
    const failing = await world.model({ status: 500 });
    const failed = await tenant.chat(failing);
    expect((await readCall(tenant, failed.requestId)).text).toContain('status-500');
  });

  it("shows nobody else's calls, and does not tell whether there is one", async () => {
    const call = await tenant.chat(model);
    const stranger = await world.tenant();
    for (const id of [call.requestId, 'req_0123456789', 'nonsense']) {
      const answer = await readCall(stranger, id);
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'call_not_found']);
    }
  });

  it("GET /v1/usage sums up the key's project", async () => {
    const own = await world.tenant();
    for (let i = 0; i < 3; i += 1) await own.chat(model);
    const atLeast = await newest();
    const answer = await own.get(`/usage?atLeast=${atLeast}`);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('0.000048');
    expect(jsonOf(answer)).toMatchObject({ watermark: expect.any(Object) });
    const other = await own.get(`/usage?model=another/model&atLeast=${atLeast}`);
    expect(other.text).not.toContain('0.000048');
    const past = await own.get('/usage?start_date=2020-01-01&end_date=2020-01-02');
    expect([past.status, past.text.includes('0.000048')]).toEqual([200, false]);
  });

  it.each(['from=yesterday', 'to=2026-13-01', 'from=2026-02-01&to=2026-01-01'])(
    'refuses the range %s',
    async (range) => {
      const answer = await tenant.get(`/usage?${range}`);
      expect([answer.status, errorOf(answer).code]).toEqual([400, 'invalid_value']);
    },
  );

  it('says so when a view does not reach a position in time', async () => {
    const answer = await tenant.get(`/usage?atLeast=${(await newest()) + 1_000_000n}`);
    expect([answer.status, errorOf(answer).code]).toEqual([503, 'not_ready']);
  });

  it.each(['/health/live', '/health/ready', '/health/startup', '/healthz', '/readyz'])('%s passes', async (path) => {
    const answer = await read(await fetch(`${world.platform.url}${path}`));
    expect([answer.status, jsonOf(answer).status]).toEqual([200, 'pass']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('/metrics counts calls under bounded labels, and holds nobody', async () => {
    await tenant.chat(model);
    await tenant.chat('some/unheard-of-model');
    const { text, status } = await read(await fetch(`${world.platform.url}/metrics`));
    expect(status).toBe(200);
    expect(text).toMatch(/^aiaas_calls_total\{endpoint="chat",outcome="complete",code="none"\} \d+$/m);
    expect(text).toMatch(/^gen_ai_client_token_usage_count\{/m);
    expect(text).not.toContain('unheard-of');
    expect(text).not.toContain(tenant.orgId);
  });

  it('/openapi.json describes both planes', async () => {
    const answer = await read(await fetch(`${world.platform.url}/openapi.json`));
    const { openapi, paths } = jsonOf<{ openapi: string; paths: object }>(answer);
    expect(openapi).toMatch(/^3\./);
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/chat/completions', '/v1/calls/{requestId}', '/admin/v1/organizations']),
    );
  });

  it('/docs is a page that nobody else may frame or feed with scripts', async () => {
    for (const path of ['/docs', '/docs/', '/docs/swagger-ui-bundle.js', '/openapi.json']) {
      const answer = await fetch(`${world.platform.url}${path}`);
      await answer.arrayBuffer();
      const header = (name: string) => answer.headers.get(name);
      expect([path, answer.status, header('content-encoding')]).toEqual([path, 200, 'gzip']);
      expect([header('x-content-type-options'), header('referrer-policy')]).toEqual(['nosniff', 'no-referrer']);
      expect(header('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
      expect(header('content-security-policy')).not.toMatch(/script-src[^;]*unsafe/);
      const known = { headers: { 'if-none-match': header('etag') ?? '' } };
      expect((await fetch(`${world.platform.url}${path}`, known)).status).toBe(304);
    }
    for (const path of ['/docs-yaml', '/docs-json', '/docs/index.html', '/docs/LICENSE'])
      expect([path, (await fetch(`${world.platform.url}${path}`)).status]).toEqual([path, 404]);
  });

  it('no answer with a credential may be kept by a cache, nor any other that is not a document', async () => {
    const { url, firstRun } = world.platform;
    const admin = { authorization: `Bearer ${firstRun.systemToken}` };
    const asked = [
      fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${tenant.key.secret}` } }),
      fetch(`${url}/v1/models`),
      fetch(`${url}/v1/nothing`, { headers: { authorization: `Bearer ${tenant.key.secret}` } }),
      fetch(`${url}/admin/v1/organizations`, { headers: admin }),
      fetch(`${url}/admin/v1/%zz`, { headers: admin }),
      fetch(`${url}/analytics/v1/views`, { headers: admin }),
      fetch(`${url}/metrics`),
      fetch(`${url}/nowhere`),
    ];
    for (const { url: from, headers } of await Promise.all(asked))
      expect([from, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
        from,
        'no-store',
        'nosniff',
      ]);
    for (const answer of [await tenant.chat(model), await tenant.chat(model, { stream: true })])
      expect([answer.headers.get('cache-control'), answer.headers.get('referrer-policy')]).toEqual([
        expect.stringContaining('no-store'),
        'no-referrer',
      ]);
  });

  it('whatever else is asked for is not there', async () => {
    expect((await fetch(`${world.platform.url}/nowhere`)).status).toBe(404);
    expect((await fetch(`${world.platform.url}/admin/v1/organizations`)).status).toBe(401);
  });
});
