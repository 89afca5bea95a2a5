import { type Answer, framesOf, jsonOf } from '../e2e/support/answers';
import { chatBody, eventOf, type Tenant } from '../e2e/support/tenant';
import { World } from '../e2e/support/world';

const COST_OF_CALL = 16_000n;

describe('the response cache of an organization', () => {
  let world: World;
  let tenant: Tenant;
  let model: string;

  beforeAll(async () => {
    world = await World.open();
    model = await world.model();
  });
  beforeEach(async () => {
    tenant = await world.tenant();
    await setPolicy(tenant, { ttlSeconds: 600, hitPricePercent: 25 });
  });
  afterAll(() => world.close());

  function setPolicy({ orgId }: Tenant, responseCache: object | null) {
    return world.platform.admin.request('PATCH', `/organizations/${orgId}`, { responseCache });
  }

  const isHit = ({ headers }: Answer) => headers.get('x-cache') === 'hit';
  /** An answer is kept right after it has left, so only what is over is certain to be found again. */
  async function chat(rest = {}, headers = {}): Promise<Answer> {
    const answer = await tenant.chat(model, { temperature: 0, ...rest }, headers);
    await world.platform.callLogged(answer.requestId);
    return answer;
  }

  it('is off until the organization asks for it, and is shown', async () => {
    const other = await world.tenant();
    await other.chat(model);
    expect(isHit(await other.chat(model))).toBe(false);
    const { admin } = world.platform;
    expect(await admin.request('GET', `/organizations/${tenant.orgId}`)).toMatchObject({
      responseCache: { ttlSeconds: 600, hitPricePercent: 25 },
    });
  });

  it('gives the answer again for its own price, without asking a backend', async () => {
    const calls = world.upstream.callCount;
    const first = await chat();
    const again = await chat();
    expect([isHit(first), isHit(again), again.status]).toEqual([false, true, 200]);
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(again.requestId).not.toBe(first.requestId);
    expect(again.headers.get('x-call-cost')).toBe('0.000004');
    const [one, other] = [jsonOf<{ usage: object }>(first), jsonOf<{ usage: object }>(again)];
    expect(other).toEqual({ ...one, usage: { ...one.usage, cost: '0.000004' } });
    const recorded = await tenant.recorded(again.requestId);
    expect(eventOf(recorded, 'InferenceCompleted')).toMatchObject({
      servedFrom: 'cache',
      attempts: [],
      charged: COST_OF_CALL / 4n,
      excess: 0n,
    });
    expect(await tenant.money()).toEqual({ settled: (COST_OF_CALL * 5n) / 4n, held: 0n, unresolved: 0n });
  });

  it('gives a stream again as a stream', async () => {
    const body = { stream: true, stream_options: { include_usage: true } };
    const first = await chat(body);
    const again = await chat(body);
    expect([isHit(first), isHit(again)]).toEqual([false, true]);
    expect(again.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(framesOf(again).at(-1)).toBe('[DONE]');
    expect(framesOf(again).at(-2)).toContain('"cost":"0.000004"');
    expect(framesOf(again).slice(0, -2)).toEqual(framesOf(first).slice(0, -2));
    expect(await tenant.money()).toMatchObject({ settled: (COST_OF_CALL * 5n) / 4n, held: 0n });
  });

  it.each(['no-cache', 'no-store', 'max-age=0, no-cache'])('is passed by on request (%s)', async (directive) => {
    await chat();
    expect(isHit(await chat({}, { 'cache-control': directive }))).toBe(false);
    expect(isHit(await chat())).toBe(true);
  });

  it('is its own alone', async () => {
    await chat();
    const neighbour = await world.tenant();
    await setPolicy(neighbour, { ttlSeconds: 600, hitPricePercent: 0 });
    expect(isHit(await neighbour.chat(model, { temperature: 0 }))).toBe(false);
  });

  it('is foretold by a preflight', async () => {
    const ask = async () =>
      jsonOf(await tenant.post('/preflight', { endpoint: '/v1/chat/completions', body: chatBody(model) }));
    expect(await ask()).not.toHaveProperty('served_from');
    await world.platform.callLogged((await tenant.chat(model)).requestId);
    expect(await ask()).toMatchObject({ admitted: true, served_from: 'cache', hold_usd: '0.000004' });
  });

  it('is refused like any call where a budget has no room', async () => {
    await chat();
    const path = `/organizations/${tenant.orgId}/budgets/${tenant.budgetId}`;
    await world.platform.admin.request('PATCH', path, { limit: '0.000016' });
    expect((await chat()).status).toBe(402);
  });

  it('survives a restart, and ends with the policy', async () => {
    await chat();
    await world.platform.restart('SIGKILL');
    expect(isHit(await chat())).toBe(true);
    await setPolicy(tenant, null);
    expect(isHit(await chat())).toBe(false);
  });

  it('keeps nothing that failed', async () => {
    world.upstream.script({ status: 429 });
    expect((await chat()).status).toBe(429);
    expect(isHit(await chat())).toBe(false);
  });
});
