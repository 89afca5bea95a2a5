import { join } from 'node:path';
import { LmdbAnswerStore } from '#answer-store/lmdb';
import { systemClock } from '#environment';
import { KeyedAnswers } from '#gateway';
import type { CallId, OrganizationId } from '#kernel';
import { openLmdbKeyStore } from '#key-store/lmdb';
import { TEST_MODE } from '#testing/platform-process';
import { errorOf, jsonOf } from './support/answers';
import { chatBody, eventOf, type Tenant } from './support/tenant';
import { World } from './support/world';

describe('a kill -9 in the middle of a call', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  /** Starts a call that its backend never finishes, and kills the platform once the backend has it. */
  async function killInCall(tenant: Tenant, model: string, body: object, headers = {}): Promise<CallId> {
    const marker = `marker-${tenant.slug}`;
    const init = { method: 'POST', headers, body: JSON.stringify(chatBody(model, { user: marker, ...body })) };
    const lost = tenant
      .fetch('/chat/completions', init)
      .then((response) => response.text())
      .catch(() => 'lost');
    await world.upstream.callWith(marker);
    await world.platform.kill('SIGKILL');
    expect(await lost).toBe('lost');
    const { holds } = await world.platform.ledgerState(tenant.orgId);
    const [callId] = [...holds.keys()];
    if (callId === undefined) throw new Error('the call holds nothing');
    return callId;
  }

  it('leaves the streamed call unresolved at its ceiling, until an operator resolves it', async () => {
    const { admin } = world.platform;
    const [tenant, model, quick] = [
      await world.tenant({ limit: '0.0003' }),
      await world.model({ chunks: 20, pauseAfter: 3 }),
      await world.model(),
    ];
    const callId = await killInCall(tenant, model, { stream: true });
    await world.platform.start();
    await world.platform.ledgerUntil(tenant.orgId, ({ holds }) => holds.size === 0);
    if (TEST_MODE === 'embedded')
      expect(world.platform.logs).toContainEqual(expect.objectContaining({ level: 'warn', orphans: 1 }));
    const events = await world.platform.callEvents(tenant.orgId, callId);
    expect(events.map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
    const { holdCost } = eventOf(events, 'InferenceAuthorized');
    expect(await tenant.money()).toEqual({ settled: 0n, held: 0n, unresolved: holdCost });
    expect(await admin.budget(tenant.orgId, tenant.budgetId)).toMatchObject({
      settled: '0',
      held: '0',
      unresolved: expect.stringMatching(/^0\.000\d+$/),
    });
    // What is unresolved may have been spent: there is no room for another such call.
    const refused = await tenant.chat(quick);
    expect([refused.status, errorOf(refused).code]).toEqual([402, 'budget_exhausted']);

    await admin.resolveCall(tenant.orgId, callId, '0.00002', "the backend's own statement");
    expect(await tenant.money()).toEqual({ settled: 20_000n, held: 0n, unresolved: 0n });
    expect((await tenant.chat(quick)).status).toBe(200);
    expect(await tenant.money()).toEqual({ settled: 36_000n, held: 0n, unresolved: 0n });
  });

  it('answers the repeat of a keyed call with what is known: it may have been charged', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 })];
    const headers = { 'idempotency-key': 'killed' };
    const callId = await killInCall(tenant, model, {}, headers);
    await world.platform.start();
    await world.platform.ledgerUntil(tenant.orgId, ({ holds }) => holds.size === 0);
    const repeat = await tenant.chat(model, { user: `marker-${tenant.slug}` }, headers);
    expect([repeat.status, errorOf(repeat).code]).toEqual([409, 'idempotency_outcome_unknown']);
    expect(errorOf(repeat).details).toMatchObject({ call_id: callId });
  });

  it('settles a keyed call whose answer was kept before the kill, and replays it', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ pauseAfter: 0 })];
    const headers = { 'idempotency-key': 'kept' };
    const callId = await killInCall(tenant, model, {}, headers);
    await keepAnswer(tenant, callId);
    await world.platform.start();
    await world.platform.ledgerUntil(tenant.orgId, (state) => state.holds.size === 0 && state.unresolved.size === 0);
    const events = await world.platform.callEvents(tenant.orgId, callId);
    expect(eventOf(events, 'InferenceCompleted')).toMatchObject({ charged: 16_000n, late: true });
    const repeat = await tenant.chat(model, { user: `marker-${tenant.slug}` }, headers);
    expect([repeat.status, repeat.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(jsonOf(repeat)).toEqual({ answer: 'kept' });
    expect(await tenant.money()).toEqual({ settled: 16_000n, held: 0n, unresolved: 0n });
  });

  /** Does what the process does between reading an answer and settling it; the moment is too short to be hit by a kill. */
  async function keepAnswer(tenant: Tenant, callId: CallId): Promise<void> {
    const { sharedDir, masterKey } = world.platform;
    const { idempotency } = eventOf(await world.platform.callEvents(tenant.orgId, callId), 'InferenceAuthorized');
    if (idempotency === undefined) throw new Error('the call has no Idempotency-Key');
    const keyStore = openLmdbKeyStore({ directory: join(sharedDir, 'key-store'), masterKey });
    const answers = new LmdbAnswerStore(join(sharedDir, 'answers'));
    const caller = { orgId: tenant.orgId as OrganizationId, requestId: callId };
    await new KeyedAnswers(answers, keyStore, systemClock).keep(caller, idempotency, {
      status: 200,
      headers: { 'content-type': 'application/json' },
      text: '{"answer":"kept"}',
      usage: { input: 10, cachedInput: 0, cacheWrite: 0, output: 3 },
      certainty: 'reported',
    });
    await answers.close();
    await keyStore.close();
  }

  it('loses nothing that was acknowledged', async () => {
    const [tenant, model] = [await world.tenant(), await world.model()];
    const answers = await Promise.all(Array.from({ length: 20 }, () => tenant.chat(model)));
    await world.platform.restart('SIGKILL');
    for (const { requestId } of answers) {
      const types = (await world.platform.callEvents(tenant.orgId, requestId)).map(({ type }) => type);
      expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
    }
    expect(await tenant.money()).toEqual({ settled: 320_000n, held: 0n, unresolved: 0n });
  });
});
