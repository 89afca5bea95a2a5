import type { MockPlan } from '#testing/mock-upstream';
import { errorOf, framesOf, lastFrameError, read } from './support/answers';
import { chatBody, type Tenant } from './support/tenant';
import { World } from './support/world';

interface SlowCall {
  readonly tenant: Tenant;
  readonly response: Promise<Response>;
}

/** What takes longer than a test should; all waits run at the same time. */
describe('when something takes its time', () => {
  let world: World;
  let slow: SlowCall;
  let failing: SlowCall;

  beforeAll(async () => {
    world = await World.open();
    slow = await startSlowCall({ pauseAfter: 0 });
    failing = await startSlowCall({ pauseAfter: 0, status: 429 });
  });
  afterAll(() => world.close());

  async function startSlowCall(plan: Partial<MockPlan>): Promise<SlowCall> {
    const [tenant, model] = [await world.tenant(), await world.model(plan)];
    const body = JSON.stringify(chatBody(model, { stream: true, user: `marker-${tenant.slug}` }));
    const response = tenant.fetch('/chat/completions', { method: 'POST', body });
    await world.upstream.callWith(`marker-${tenant.slug}`);
    return { tenant, response };
  }

  it('a settlement that is not durable in time: nobody is told that the call succeeded, and its hold stays', async () => {
    const [unstreamed, streamed] = [await world.tenant(), await world.tenant()];
    const [whole, stream] = [await world.model({ pauseAfter: 0 }), await world.model({ pauseAfter: 2 })];
    const begun = await streamed.fetch('/chat/completions', {
      method: 'POST',
      body: JSON.stringify(chatBody(stream, { stream: true, user: 'marker-begun' })),
    });
    const answer = unstreamed.chat(whole, { user: 'marker-whole' });
    await world.upstream.callWith('marker-whole');
    const letGo = await world.platform.holdWrites();
    world.upstream.resume('marker-begun');
    world.upstream.resume('marker-whole');

    const failed = await answer;
    expect([failed.status, errorOf(failed).code]).toEqual([503, 'record_unavailable']);
    expect(failed.headers.get('x-should-retry')).toBe('false');
    const broken = await read(begun);
    expect(lastFrameError(broken).code).toBe('record_unavailable');
    expect(framesOf(broken)).not.toContain('[DONE]');
    for (const tenant of [unstreamed, streamed]) {
      expect((await tenant.money()).settled).toBe(0n);
      expect((await tenant.money()).held).toBeGreaterThan(0n);
    }

    // Once the store writes again, what was only late is recorded: no hold is left behind, and nothing is lost.
    await letGo();
    await world.platform.untilReady();
    const quick = await world.model();
    for (const [tenant, { requestId }] of [
      [unstreamed, failed],
      [streamed, broken],
    ] as const) {
      expect((await tenant.chat(quick)).status).toBe(200);
      const types = (await tenant.recorded(requestId)).map(({ type }) => type);
      expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
      expect(await tenant.money()).toEqual({ settled: 32_000n, held: 0n, unresolved: 0n });
    }
  });

  it('a slow backend: the client is kept waiting by comments, and then answered', async () => {
    const response = await slow.response;
    expect(response.status).toBe(200);
    expect((await failing.response).status).toBe(200);
    world.upstream.resume();
    const text = await response.text();
    expect(text).toMatch(/^: keep-alive\n\n(?:data: |: keep-alive)/);
    expect(framesOf({ text }).at(-1)).toBe('[DONE]');
    expect(await slow.tenant.money()).toEqual({ settled: 16_000n, held: 0n, unresolved: 0n });
  });

  it('a slow backend that fails in the end: the status is out already, so the error is a frame', async () => {
    const answer = await read(await failing.response);
    expect([answer.status, framesOf(answer)]).toEqual([200, [expect.any(String)]]);
    expect(lastFrameError(answer).code).toBe('backend_rate_limited');
    expect(await failing.tenant.recordedTypes(answer.requestId)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
    expect(await failing.tenant.money()).toEqual({ settled: 0n, held: 0n, unresolved: 0n });
  });
});
