import { setTimeout } from 'node:timers/promises';
import OpenAI from 'openai';
import { errorOf, framesOf, jsonOf } from './support/answers';
import { chatBody } from './support/tenant';
import { World } from './support/world';

const COST_OF_CALL = 16_000n;

describe('Idempotency-Key', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  const KEY = { 'idempotency-key': 'order-1' };

  async function customerAndModel(plan: Parameters<World['model']>[0] = {}) {
    const [tenant, model] = await Promise.all([world.tenant(), world.model(plan)]);
    return { tenant, model };
  }

  it('a repeat gets the first answer and is charged once', async () => {
    const { tenant, model } = await customerAndModel();
    const calls = world.upstream.callCount;
    const first = await tenant.chat(model, {}, KEY);
    const repeat = await tenant.chat(model, {}, KEY);
    expect([first.status, repeat.status]).toEqual([200, 200]);
    expect(repeat.text).toBe(first.text);
    expect(first.headers.has('idempotent-replayed')).toBe(false);
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(repeat.headers.get('x-original-request-id')).toBe(first.requestId);
    expect(repeat.requestId).not.toBe(first.requestId);
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it('so does the repeat of a stream', async () => {
    const { tenant, model } = await customerAndModel();
    const body = { stream: true, stream_options: { include_usage: true } };
    const first = await tenant.chat(model, body, KEY);
    const repeat = await tenant.chat(model, body, KEY);
    expect(framesOf(first).at(-1)).toBe('[DONE]');
    expect(repeat.text).toBe(first.text);
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(repeat.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it.each([{ stream: false }, { stream: true }])(
    'the repeat of a running call waits for its answer (%p)',
    async (body) => {
      const { tenant, model } = await customerAndModel({ pauseAfter: 1 });
      const marked = { ...body, user: `marker-${tenant.slug}` };
      if (!body.stream) world.upstream.script({ pauseAfter: 0 });
      const first = tenant.chat(model, marked, KEY);
      await world.upstream.callWith(`marker-${tenant.slug}`);
      const repeat = tenant.chat(model, marked, KEY);
      expect(await Promise.race([repeat, setTimeout(200, 'waiting')])).toBe('waiting');
      world.upstream.resume();
      expect((await repeat).text).toBe((await first).text);
      expect((await repeat).headers.get('idempotent-replayed')).toBe('true');
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
    },
  );

  it('another body is refused', async () => {
    const { tenant, model } = await customerAndModel();
    expect((await tenant.chat(model, {}, KEY)).status).toBe(200);
    const other = await tenant.chat(model, { temperature: 1 }, KEY);
    expect([other.status, errorOf(other).code]).toEqual([400, 'idempotency_key_reused']);
    expect(other.headers.get('x-should-retry')).toBe('false');
  });

  it('another project or another endpoint has keys of its own', async () => {
    const { tenant, model } = await customerAndModel();
    const neighbour = await world.tenant();
    await tenant.chat(model, {}, KEY);
    expect((await neighbour.chat(model, {}, KEY)).headers.has('idempotent-replayed')).toBe(false);
    const { admin } = world.platform;
    const project = await admin.createProject(tenant.orgId, 'Second');
    const { secret } = await admin.createKey(tenant.orgId, project);
    const response = await fetch(`${world.platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...KEY },
      body: JSON.stringify(chatBody(model)),
    });
    expect([response.status, response.headers.has('idempotent-replayed')]).toEqual([200, false]);
  });

  it('a refusal and an unbilled failure leave the key free', async () => {
    const { tenant, model } = await customerAndModel();
    expect((await tenant.chat('nobody/knows', {}, KEY)).status).toBe(404);
    world.upstream.script({ status: 429 });
    expect((await tenant.chat(model, {}, KEY)).status).toBe(429);
    const third = await tenant.chat(model, {}, KEY);
    expect([third.status, third.headers.has('idempotent-replayed')]).toEqual([200, false]);
  });

  it.each([{ stream: false }, { stream: true }])(
    'charged, but the answer is lost: the client is told so (%p)',
    async (body) => {
      const { tenant, model } = await customerAndModel();
      world.upstream.script({ ending: 'cut', endAfter: 1 });
      const first = await tenant.chat(model, body, KEY);
      const repeat = await tenant.chat(model, body, KEY);
      expect([repeat.status, errorOf(repeat).code]).toEqual([409, 'idempotency_outcome_unknown']);
      expect(repeat.headers.get('x-should-retry')).toBe('false');
      expect(errorOf(repeat).details).toMatchObject({ call_id: first.requestId });
      expect((await tenant.money()).unresolved).toBeGreaterThan(0n);
    },
  );

  it("a client's timeout and its automatic retry are charged once", async () => {
    const { tenant, model } = await customerAndModel({ firstByteMs: 600 });
    const calls = world.upstream.callCount;
    const client = tenant.openai({ maxRetries: 8, timeout: 250, defaultHeaders: { 'Idempotency-Key': 'retry-1' } });
    const messages = [{ role: 'user' as const, content: 'How are you?' }];
    const { choices } = await client.chat.completions.create({ model, messages }).catch((error: unknown) => {
      // Two tries outlast the backend's 600 ms; the others are for a machine that is slow to answer the repeat.
      throw error instanceof OpenAI.APIConnectionTimeoutError ? new Error('every try timed out') : error;
    });
    expect(choices).toHaveLength(1);
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it('without a key a repeat is a second call', async () => {
    const { tenant, model } = await customerAndModel();
    await tenant.chat(model);
    await tenant.chat(model);
    expect(await tenant.money()).toEqual({ settled: 2n * COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it('survives a kill -9 after the answer was kept', async () => {
    const { tenant, model } = await customerAndModel();
    const first = await tenant.chat(model, {}, KEY);
    await world.platform.restart('SIGKILL');
    const repeat = await tenant.chat(model, {}, KEY);
    expect(repeat.text).toBe(first.text);
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(jsonOf(repeat)).toMatchObject({ usage: { cost: '0.000016' } });
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it('is not honoured where the organization forbids that answers are kept', async () => {
    const { tenant, model } = await customerAndModel();
    await world.platform.admin.request('PATCH', `/organizations/${tenant.orgId}`, { answersStorage: 'forbidden' });
    const answer = await tenant.chat(model, {}, KEY);
    expect([answer.status, errorOf(answer).code]).toEqual([403, 'idempotency_not_allowed']);
  });
});
