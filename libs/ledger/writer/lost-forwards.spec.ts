import { epochMs, usd } from '#kernel';
import { FAR_AWAY, NEAR, twoGateways } from '#testing/simulation';
import { authorize, call, complete, defineBudget, MINUTE_MS, release, SECOND_MS, setLimits } from '../spec-kit';

const mine = { owner: FAR_AWAY };

describe('a forward that is lost', () => {
  it.each(['request-lost', 'answer-lost', 'delivered-twice'] as const)(
    '%s: is recorded once, and its caller gets its authorization',
    async (fault) => {
      const { world, toFar, farLosesTwice, calls } = twoGateways();
      world.routes.push({ fault });
      const asked = toFar(authorize('1', mine));
      await farLosesTwice();
      await world.time.pass(5 * SECOND_MS);
      expect(await calls()).toEqual(['InferenceAuthorized']);
      const outcome = asked.outcome?.ok === true ? asked.outcome : undefined;
      expect(outcome?.events.map(({ id }) => id)).toEqual([(await world.stored()).at(-1)?.id]);
    },
  );

  it.each(['request-lost', 'answer-lost', 'delivered-twice'] as const)(
    '%s: a settlement is recorded once, and its caller hears what was charged',
    async (fault) => {
      const { world, toFar, farLosesTwice, calls } = twoGateways();
      toFar(authorize('1', mine));
      await world.time.pass(SECOND_MS);
      world.routes.push({ fault });
      const asked = toFar(complete('1', usd('0.005')));
      await farLosesTwice();
      await world.time.pass(5 * SECOND_MS);
      expect(await calls()).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
      const outcome = asked.outcome?.ok === true ? asked.outcome : undefined;
      expect(outcome?.events.map(({ event }) => event)).toMatchObject([{ data: { charged: usd('0.005') } }]);
    },
  );

  it('to a gateway that has crashed: its commands are tried here at once', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    const asked = toFar(authorize('1', mine));
    world.routes.push({ fault: 'fine', arrivesAfterMs: 10 });
    await farLosesTwice();
    world.network.leave(NEAR);
    await world.time.pass(200);
    expect(asked.answer).toBe('accepted');
    expect((await gateways()).at(-1)).toEqual(['InferenceAuthorized', FAR_AWAY]);
  });

  it('and recorded later, after the caller had left: its owner releases it, the peer never does', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    world.routes.push({ fault: 'fine', arrivesAfterMs: 4 * SECOND_MS });
    const asked = toFar(authorize('1', mine), { timeoutMs: SECOND_MS });
    await farLosesTwice();
    await world.time.pass(2 * SECOND_MS);
    expect(asked.answer).toBe('LedgerUnavailableError');
    await world.time.pass(5 * SECOND_MS);
    const released = (await world.events()).filter(({ type }) => type === 'InferenceReleased');
    expect(released).toMatchObject([{ data: { callId: call('1'), reason: 'caller-left', dispatched: false } }]);
    expect((await gateways()).at(-1)).toEqual(['InferenceReleased', FAR_AWAY]);
  });

  it('and then asked for again: an authorization that its caller was told of is not released', async () => {
    const { world, toFar, farLosesTwice, calls } = twoGateways();
    world.routes.push({ fault: 'request-lost' });
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(3_000);
    await farLosesTwice();
    await world.time.pass(3 * SECOND_MS);
    expect([asked.answer, world.network.forwards]).toEqual(['accepted', 2]);
    expect(await calls()).toEqual(['InferenceAuthorized']);
  });

  it('and recorded later, while its caller asks for the same call again: that one gets it, and it is not released', async () => {
    const { world, toFar, farLosesTwice, calls } = twoGateways();
    world.routes.push({ fault: 'fine', arrivesAfterMs: 3_500 });
    toFar(authorize('1', mine), { timeoutMs: SECOND_MS });
    await farLosesTwice();
    await world.time.pass(3_100);
    world.routes.push({ fault: 'fine', arrivesAfterMs: 500, answersAfterMs: SECOND_MS });
    const again = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(5 * SECOND_MS);
    const outcome = again.outcome?.ok === true ? again.outcome : undefined;
    expect(outcome?.events.map(({ event }) => event.type)).toEqual(['InferenceAuthorized']);
    expect([await calls(), world.network.forwards]).toEqual([['InferenceAuthorized'], 2]);
  });

  it('and recorded later, after its caller was refused meanwhile: its owner releases it', async () => {
    const { world, toNear, toFar, farLosesTwice } = twoGateways();
    toNear(defineBudget('b', { limit: usd('0.01') }));
    await world.time.pass(1);
    world.routes.push({ fault: 'fine', arrivesAfterMs: 4 * SECOND_MS });
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(2 * SECOND_MS);
    toNear(authorize('2'));
    await world.time.pass(1_500);
    expect(asked.answer).toBe('budget_contended');
    toNear(release('2'));
    await world.time.pass(3 * SECOND_MS);
    const ofCall = (await world.events()).filter((event) => 'callId' in event.data && event.data.callId === call('1'));
    expect(ofCall.map(({ type }) => type)).toEqual(['InferenceRefused', 'InferenceAuthorized', 'InferenceReleased']);
  });

  it('and arrives when the ledger has forgotten its end: nothing more is recorded of it', async () => {
    const { world, toNear, toFar, farLosesTwice } = twoGateways();
    world.routes.push({ fault: 'fine', arrivesAfterMs: 5 * SECOND_MS });
    toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(4 * SECOND_MS);
    toFar(complete('1', usd('0')));
    await world.time.pass(500);
    // A clock goes wrong: what has ended a minute ago is no longer known.
    world.time.jump(2 * MINUTE_MS);
    toNear(setLimits({}));
    await world.time.pass(3 * SECOND_MS);
    const ofCall = (await world.events()).filter((event) => 'callId' in event.data && event.data.callId === call('1'));
    expect(ofCall.map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
  });
});

describe('a forward that is late', () => {
  const late = { deadline: epochMs(0) };

  it('is given back: by then its own gateway has decided it again', async () => {
    const { world, near, forwarded } = twoGateways();
    const commands = [forwarded(authorize('1', mine), late), forwarded(setLimits({ concurrency: 1 }), late)];
    const taken = near.takeForwarded(world.org, commands, SECOND_MS);
    await world.time.pass(1);
    expect(await taken).toEqual([{ kind: 'waiting' }, { kind: 'waiting' }]);
    expect(await world.events()).toEqual([]);
  });

  it('is given back when its time runs out in the queue', async () => {
    const { world, near, toNear, forwarded, calls } = twoGateways();
    world.answersAfterMs = 2 * SECOND_MS;
    toNear(setLimits({}));
    await world.time.pass(1);
    const deadlines = [SECOND_MS, 3 * SECOND_MS].map((ms) => epochMs(world.time.now() + ms));
    const commands = deadlines.map((deadline, index) => forwarded(authorize(String(index), mine), { deadline }));
    const taken = near.takeForwarded(world.org, commands, MINUTE_MS);
    await world.time.pass(10 * SECOND_MS);
    expect((await taken).map(({ kind }) => kind)).toEqual(['waiting', 'recorded']);
    expect(await calls()).toEqual(['InferenceAuthorized']);
  });

  it('is recorded all the same when it ends a call, which stays true', async () => {
    const { world, near, toFar, forwarded, calls } = twoGateways();
    toFar(authorize('1', mine));
    await world.time.pass(SECOND_MS);
    const taken = near.takeForwarded(world.org, [forwarded(complete('1', usd('0.005')), late)], SECOND_MS);
    await world.time.pass(1);
    expect(await taken).toMatchObject([{ kind: 'recorded' }]);
    expect(await calls()).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
  });
});
