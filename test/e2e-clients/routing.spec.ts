import type { LedgerEvent } from '#ledger';
import { type MockPlan, MockUpstream, modelFor } from '#testing/mock-upstream';
import { errorOf } from '../e2e/support/answers';
import { eventOf, type Tenant } from '../e2e/support/tenant';
import { World } from '../e2e/support/world';

type Json = Readonly<Record<string, unknown>>;

interface Site {
  readonly id: string;
  readonly name: string;
}

/** Nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9/v1';
const COST_OF_CALL = 16_000n;

describe('routing', () => {
  let world: World;
  let second: MockUpstream;
  let tenant: Tenant;

  beforeAll(async () => {
    world = await World.open();
    second = await MockUpstream.start();
  });
  beforeEach(async () => {
    tenant = await world.tenant();
  });
  afterAll(async () => {
    await world.close();
    await second.close();
  });

  const admin = () => world.platform.admin;

  async function backend(baseUrl: string, rest: Json = {}): Promise<Site> {
    const name = world.name('site');
    return { id: await admin().createBackend(name, baseUrl, rest), name };
  }

  /** A model with a route to each site. */
  async function modelOn(
    sites: readonly (Site & { readonly weight?: number; readonly plan?: Partial<MockPlan> })[],
    rest = {},
  ) {
    const id = world.name('maker/routed');
    const [first] = sites;
    if (first === undefined) throw new Error('no site');
    await admin().createModel({
      id,
      backend: first.name,
      upstreamModel: 'mock',
      prices: { input: '1', output: '2' },
      rest: {
        routes: sites.map(({ name, weight = 1, plan = {} }) => ({
          backend: name,
          upstreamModel: modelFor(plan),
          weight,
        })),
        ...rest,
      },
    });
    return id;
  }

  /** Two sites; the first is asked first, since the second is kept for when no other can. */
  async function primaryAndSpare(primaryUrl: string, settings: Json = {}, plan: Partial<MockPlan> = {}) {
    const primary = await backend(primaryUrl, settings);
    const spare = await backend(second.baseUrl);
    await setService(spare, 'degraded');
    return { primary, spare, model: await modelOn([{ ...primary, plan }, spare]) };
  }

  function setService({ id }: Site, service: string): Promise<Json> {
    return admin().request('POST', `/backends/${id}/service`, { service, reason: 'as the test wants' });
  }

  async function statusOf({ id }: Site): Promise<Json | undefined> {
    const { data } = await admin().request<{ data: readonly Json[] }>('GET', '/routing/backends?limit=200');
    return data.find((status) => status.id === id);
  }

  const routeOf = ({ headers }: { headers: Headers }) => [
    headers.get('x-routing-backend'),
    headers.get('x-routing-decision'),
  ];
  const types = (events: readonly LedgerEvent[]) => events.map(({ type }) => type);

  describe('fails over', () => {
    it.each([
      ['a connection that fails', {}, { baseUrl: NOWHERE }],
      ['a 429', { status: 429 }, {}],
      ['a 401', { status: 401 }, {}],
      ['a 529', { status: 529 }, {}],
      ['a 502 that is never billed', { status: 502 }, { unbilledServerErrors: true }],
    ] as const)('after %s, under one hold', async (_what, plan, settings) => {
      const { primary, spare, model } = await primaryAndSpare(world.upstream.baseUrl, settings, plan);
      const answer = await tenant.chat(model);
      expect(answer.status).toBe(200);
      expect(routeOf(answer)).toEqual([spare.name, 'failover']);
      const events = await tenant.recorded(answer.requestId);
      expect(types(events)).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
      const { attempts } = eventOf(events, 'InferenceCompleted');
      expect(attempts.map(({ backendId }) => backendId)).toEqual([primary.id, spare.id]);
      expect(attempts.map(({ decision }) => decision)).toEqual(['primary', 'failover']);
      expect(attempts[1]).toMatchObject({ status: 200 });
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
      const { data } = await admin().request<{ data: readonly Json[] }>('GET', '/routing/decisions?limit=10');
      expect(data.filter(({ requestId }) => requestId === answer.requestId)).toMatchObject([
        { backend: spare.name, decision: 'failover' },
        { backend: primary.name, decision: 'primary', failure: expect.any(String) },
      ]);
    });

    it('in a stream, too', async () => {
      const { spare, model } = await primaryAndSpare(NOWHERE);
      const answer = await tenant.chat(model, { stream: true });
      expect(routeOf(answer)).toEqual([spare.name, 'failover']);
      expect(answer.text).toContain('[DONE]');
    });

    it.each([
      ['a 502 that may have been billed', { status: 502 }, 502],
      ['a request that it rejects', { status: 400 }, 400],
      ['an answer that breaks off', { ending: 'cut' }, 502],
    ] as const)('never after %s', async (_what, plan, status) => {
      const { primary, model } = await primaryAndSpare(world.upstream.baseUrl, {}, plan);
      const calls = second.callCount;
      const answer = await tenant.chat(model);
      expect([answer.status, answer.headers.get('x-routing-backend')]).toEqual([status, primary.name]);
      expect(second.callCount).toBe(calls);
    });

    it('to every backend, then once more to one of them, and no further', async () => {
      const sites = [await backend(NOWHERE), await backend(NOWHERE)];
      const answer = await tenant.chat(await modelOn(sites));
      expect([answer.status, errorOf(answer).code]).toEqual([503, 'backend_unavailable']);
      const events = await tenant.recorded(answer.requestId);
      expect(types(events)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
      const tried = eventOf(events, 'InferenceReleased').attempts.map(({ backendId }) => backendId);
      expect(tried).toHaveLength(3);
      expect(new Set(tried.slice(0, 2)).size).toBe(2);
    });
  });

  it('a backend that keeps failing is left alone for a while', async () => {
    const { primary, spare, model } = await primaryAndSpare(NOWHERE);
    for (let i = 0; i < 5; i += 1) expect(routeOf(await tenant.chat(model))).toEqual([spare.name, 'failover']);
    expect(await statusOf(primary)).toMatchObject({
      circuit: 'open',
      consecutiveFailures: expect.any(Number),
      // A probe may have found it gone as well by now.
      lastFailure: expect.stringMatching(/^(?:connect-failed|probe: )/),
    });
    const answer = await tenant.chat(model);
    expect(routeOf(answer)).toEqual([spare.name, 'primary']);
    expect(eventOf(await tenant.recorded(answer.requestId), 'InferenceCompleted').attempts).toHaveLength(1);
  });

  describe('obeys operators', () => {
    it('who drain a backend, kill it, and let it back', async () => {
      const [one, other] = [await backend(world.upstream.baseUrl), await backend(second.baseUrl)];
      const model = await modelOn([one, other]);
      for (const service of ['draining', 'out-of-service']) {
        expect(await setService(one, service)).toMatchObject({ id: one.id, service });
        for (let i = 0; i < 4; i += 1) expect(routeOf(await tenant.chat(model))).toEqual([other.name, 'primary']);
      }
      await setService(other, 'out-of-service');
      const refused = await tenant.chat(model);
      expect([refused.status, errorOf(refused).code]).toEqual([503, 'backend_unavailable']);
      await setService(one, 'in-service');
      expect(routeOf(await tenant.chat(model))).toEqual([one.name, 'primary']);
      expect(await statusOf(one)).toMatchObject({ service: 'in-service', circuit: 'closed' });
    });

    it('who mark a backend as degraded: it answers when no other can, and says so', async () => {
      const [one, other] = [await backend(world.upstream.baseUrl), await backend(second.baseUrl)];
      const model = await modelOn([one, other]);
      const warningOf = ({ headers }: { headers: Headers }) => headers.get('x-routing-warning');
      await setService(one, 'degraded');
      for (let i = 0; i < 4; i += 1) {
        const answer = await tenant.chat(model);
        expect([...routeOf(answer), warningOf(answer)]).toEqual([other.name, 'primary', null]);
      }
      await setService(other, 'out-of-service');
      const answer = await tenant.chat(model);
      expect([...routeOf(answer), warningOf(answer)]).toEqual([one.name, 'primary', 'backend-degraded']);
    });

    it('and a draining backend finishes what it has begun', async () => {
      const one = await backend(world.upstream.baseUrl);
      const model = await modelOn([{ ...one, plan: { pauseAfter: 0 } }]);
      const running = tenant.chat(model, { user: `marker-${tenant.slug}` });
      await world.upstream.callWith(`marker-${tenant.slug}`);
      await setService(one, 'draining');
      world.upstream.resume();
      expect((await running).status).toBe(200);
    });
  });

  describe('obeys clients', () => {
    it('who name a backend: it and no other', async () => {
      const [one, spare, stranger] = [
        await backend(world.upstream.baseUrl),
        await backend(NOWHERE),
        await backend(second.baseUrl),
      ];
      const model = await modelOn([one, { ...spare, weight: 1 }]);
      const named = (name: string) => tenant.chat(model, {}, { 'x-routing-backend': name });
      expect(routeOf(await named(one.name))).toEqual([one.name, 'override']);
      const failed = await named(spare.name);
      expect([failed.status, failed.headers.get('x-routing-backend')]).toEqual([503, spare.name]);
      const refused = await named(stranger.name);
      expect([refused.status, errorOf(refused).code]).toEqual([400, 'invalid_value']);
    });

    it('who want their calls kept together', async () => {
      const model = await modelOn([await backend(world.upstream.baseUrl), await backend(second.baseUrl)]);
      const served = async (key: string) => {
        const names = new Set<string | null>();
        for (let i = 0; i < 5; i += 1)
          names.add((await tenant.chat(model, {}, { 'x-routing-key': key })).headers.get('x-routing-backend'));
        return [...names];
      };
      const all = new Set<string | null>();
      for (const key of ['user-1', 'user-2', 'user-3', 'user-4', 'user-5', 'user-6', 'user-7', 'user-8']) {
        const names = await served(key);
        expect(names).toHaveLength(1);
        all.add(names[0] ?? null);
      }
      expect(all.size).toBe(2);
    });
  });

  it('a backend that generates more than the cap costs the key its model, others nothing, until it does so to several', async () => {
    const one = await backend(world.upstream.baseUrl);
    const model = await modelOn([{ ...one, plan: { completionTokens: 50_000 } }]);
    const others = [await world.tenant(), await world.tenant(), await world.tenant()] as const;
    interface ModelState {
      readonly boundWithdrawn: boolean;
      readonly routes: readonly Json[];
      readonly stops: readonly Json[];
    }
    const state = () => admin().request<ModelState>('GET', `/models/${model}`);
    /** The excess is acted on after the answer. */
    const until = async (isSo: (now: ModelState) => boolean) => {
      for (const endsAt = Date.now() + 10_000; Date.now() < endsAt; ) {
        const now = await state();
        if (isSo(now)) return now;
      }
      throw new Error('nothing was done about an excess');
    };
    const listed = async (whose: Tenant) => (await whose.get('/models')).text.includes(model);
    const first = await tenant.chat(model);
    expect(eventOf(await tenant.recorded(first.requestId), 'InferenceCompleted').certainty).toBe('counted');
    const { stops, boundWithdrawn } = await until((now) => now.stops.length > 0);
    expect(stops).toEqual([{ organizationId: tenant.orgId, apiKeyId: tenant.key.id }]);
    expect(boundWithdrawn).toBe(false);
    const stopped = await tenant.chat(model);
    expect([stopped.status, errorOf(stopped).code]).toEqual([403, 'model_stopped']);
    expect([await listed(tenant), await listed(others[0])]).toEqual([false, true]);

    // Others hold what they held; after the same of two more organizations it is the route's own doing.
    const next = await others[0].chat(model);
    const { bounds } = eventOf(await others[0].recorded(next.requestId), 'InferenceAuthorized');
    expect(bounds.inputTokensMax).toBeLessThan(8_000);
    await until((now) => now.stops.length > 1);
    expect((await others[1].chat(model)).status).toBe(200);
    await until(({ routes }) => routes[0]?.closed === true);
    const closed = await others[2].chat(model);
    expect([closed.status, errorOf(closed).code, closed.headers.get('x-should-retry')]).toEqual([
      503,
      'model_closed',
      'false',
    ]);
    expect(await listed(others[2])).toBe(false);
    const shown = await others[2].get(`/models/${model}`);
    expect([shown.status, errorOf(shown).code]).toEqual([503, 'model_closed']);

    await admin().request('PATCH', `/models/${model}`, { bounds: { textFactor: 2 } });
    const opened = await state();
    expect(opened).toMatchObject({ boundWithdrawn: false, stops: [] });
    expect(opened.routes[0]).not.toHaveProperty('closed');
    expect((await tenant.chat(model)).status).toBe(200);
  });
});
