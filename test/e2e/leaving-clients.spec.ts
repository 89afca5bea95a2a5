import { request } from 'node:http';
import { framesOf } from './support/answers';
import { chatBody, eventOf, type Tenant } from './support/tenant';
import { World } from './support/world';

const NOTHING = { settled: 0n, held: 0n, unresolved: 0n };

/** What becomes of a call whose client does not stay to the end (ledger rules, "interrupted and doubtful calls"). */
describe('clients that leave', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  /** The one call of a customer, once it is over: a client that has left cannot say which it was. */
  async function endOfOnlyCall(tenant: Tenant) {
    const isTheCall = (line: { message: string; orgId?: unknown }) =>
      line.message === 'call' && line.orgId === tenant.orgId;
    const line = await world.platform.logged(`a call of ${tenant.slug}`, isTheCall);
    const events = await world.platform.callEvents(tenant.orgId, String(line.requestId));
    return { line, events, types: events.map(({ type }) => type) };
  }

  async function leaveWhenDispatched(tenant: Tenant, model: string, body: object, headers = {}): Promise<void> {
    const leave = new AbortController();
    const marker = `marker-${tenant.slug}`;
    const init = { method: 'POST', signal: leave.signal, headers };
    const left = tenant
      .fetch('/chat/completions', { ...init, body: JSON.stringify(chatBody(model, { user: marker, ...body })) })
      .catch((error: Error) => error.name);
    const call = await world.upstream.callWith(marker);
    leave.abort();
    expect(await left).toBe('AbortError');
    // Nobody is left to answer: the backend is let go.
    if (!('idempotency-key' in headers)) expect(await call.ended).toBe(false);
  }

  it('before the first byte of a stream: the input is charged', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 })];
    await leaveWhenDispatched(tenant, model, { stream: true });
    const { events, types, line } = await endOfOnlyCall(tenant);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
    const { bounds } = eventOf(events, 'InferenceAuthorized');
    const completed = eventOf(events, 'InferenceCompleted');
    expect(completed).toMatchObject({
      outcome: 'interrupted',
      certainty: 'counted',
      usage: { input: bounds.inputTokensMax, output: 0 },
    });
    expect(line).toMatchObject({ outcome: 'client-gone', status: 499 });
    expect(await tenant.money()).toEqual({ ...NOTHING, settled: completed.charged });
  });

  it('before an unstreamed answer: nobody can count it, so the ceiling counts', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 })];
    await leaveWhenDispatched(tenant, model, {});
    const { events, types } = await endOfOnlyCall(tenant);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
    const { holdCost } = eventOf(events, 'InferenceAuthorized');
    expect(await tenant.money()).toEqual({ ...NOTHING, unresolved: holdCost });
  });

  it('a stream of a model that reasons invisibly: the ceiling counts', async () => {
    const rest = { hiddenReasoning: true };
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 }, { rest })];
    await leaveWhenDispatched(tenant, model, { stream: true });
    const { types } = await endOfOnlyCall(tenant);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
  });

  it('in the middle of a stream: input and what was seen are charged, and the backend is let go', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ chunks: 20, pauseAfter: 2 })];
    const leave = new AbortController();
    const body = JSON.stringify(chatBody(model, { stream: true, user: 'marker-midstream' }));
    const response = await tenant.fetch('/chat/completions', { method: 'POST', body, signal: leave.signal });
    const reader = response.body?.getReader();
    let seen = '';
    while (framesOf({ text: seen }).length < 2) {
      const read = await reader?.read();
      seen += new TextDecoder().decode(read?.value);
    }
    leave.abort();
    const { events, types } = await endOfOnlyCall(tenant);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
    const completed = eventOf(events, 'InferenceCompleted');
    expect(completed).toMatchObject({ outcome: 'interrupted', certainty: 'counted' });
    expect(completed.usage.output).toBeGreaterThanOrEqual(2);
    expect(completed.usage.output).toBeLessThan(20);
    expect(await tenant.money()).toEqual({ ...NOTHING, settled: completed.charged });
    expect(await (await world.upstream.callWith('marker-midstream')).ended).toBe(false);
  });

  it('after the last word: the exact usage is worth the wait', async () => {
    // The finish is on its way with the first chunks; usage follows when the backend goes on.
    const [tenant, model] = [await world.tenant(), await world.model({ chunks: 2, usage: 'reported' })];
    const leave = new AbortController();
    const body = JSON.stringify(chatBody(model, { stream: true, user: 'marker-finished' }));
    const response = await tenant.fetch('/chat/completions', { method: 'POST', body, signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    const { events } = await endOfOnlyCall(tenant);
    expect(eventOf(events, 'InferenceCompleted')).toMatchObject({ certainty: 'reported', usage: { output: 2 } });
  });

  it('a client that stops reading slows the backend down instead of filling memory', async () => {
    const plan = { chunks: 3_000, padding: 8_000 };
    const [tenant, model] = [await world.tenant({ limit: '1000' }), await world.model(plan)];
    const text = JSON.stringify(chatBody(model, { stream: true, max_tokens: 4_000, user: 'marker-backpressure' }));
    const bytes = await new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${tenant.key.secret}`, 'content-type': 'application/json' };
      const sent = request(`${world.platform.url}/v1/chat/completions`, { method: 'POST', headers }, (response) => {
        response.pause();
        world.upstream
          .callWith('marker-backpressure')
          .then(async (call) => {
            // 24 MB are more than the sockets between hold: were they read ahead, the backend would be through.
            const finished = await Promise.race([call.ended, new Promise((late) => setTimeout(late, 700, 'waiting'))]);
            expect(finished).toBe('waiting');
            let received = 0;
            response.on('data', (chunk: Buffer) => {
              received += chunk.length;
            });
            response.on('end', () => resolve(received));
            response.resume();
          })
          .catch(reject);
      });
      sent.on('error', reject);
      sent.end(text);
    });
    expect(bytes).toBeGreaterThan(24_000_000);
    const { events } = await endOfOnlyCall(tenant);
    expect(eventOf(events, 'InferenceCompleted')).toMatchObject({ outcome: 'complete', usage: { output: 3_000 } });
  });

  it('with an Idempotency-Key the call runs on, and the repeat gets its answer', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 })];
    const headers = { 'idempotency-key': 'left' };
    const body = { user: `marker-${tenant.slug}` };
    await leaveWhenDispatched(tenant, model, body, headers);
    world.upstream.resume();
    const { types } = await endOfOnlyCall(tenant);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
    const repeat = await tenant.chat(model, body, headers);
    expect([repeat.status, repeat.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(await tenant.money()).toEqual({ ...NOTHING, settled: 16_000n });
  });
});
