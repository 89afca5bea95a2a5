import { usd } from '#kernel';
import { FAR_AWAY, NEAR, submit, twoGateways } from '#testing/simulation';
import { carryText } from '../carry';
import { authorize, boot, call, complete, defineBudget, release, SECOND_MS, setLimits } from '../spec-kit';
import { foldAll, loadLedger } from './load-ledger';

const mine = { owner: FAR_AWAY };

describe('a peer', () => {
  it('does not wait for others on behalf of a call, but says so; its own gateway waits for it', async () => {
    const { world, near, toNear, toFar, forwarded, farLosesTwice } = twoGateways();
    for (const command of [setLimits({ concurrency: 1 }), authorize('1')]) toNear(command);
    await world.time.pass(1);
    const waitMs = { concurrency_limit_exceeded: 5 * SECOND_MS };
    const taken = near.takeForwarded(world.org, [forwarded(authorize('2', mine), { waitMs })], SECOND_MS);
    await world.time.pass(1);
    expect(await taken).toEqual([{ kind: 'waiting' }]);
    // The far one does not know yet that its call must wait: it asks, and waits when it is told.
    const [first, waiting] = [toFar(release('9', mine)), toFar(authorize('3', mine), { waitMs })];
    await farLosesTwice();
    await world.time.pass(2 * SECOND_MS);
    expect([first.answer, waiting.answer]).toEqual(['call_not_found', undefined]);
    toNear(complete('1', usd('0')));
    await world.time.pass(SECOND_MS);
    expect(waiting.answer).toBe('accepted');
  });

  it('refuses what has waited long enough at home', async () => {
    const { world, near, toNear, forwarded } = twoGateways();
    for (const command of [setLimits({ concurrency: 1 }), authorize('1')]) toNear(command);
    await world.time.pass(1);
    const waitMs = { concurrency_limit_exceeded: 0 };
    const taken = near.takeForwarded(world.org, [forwarded(authorize('2', mine), { waitMs })], SECOND_MS);
    await world.time.pass(1);
    expect(await taken).toMatchObject([{ kind: 'refused', refusal: { code: 'concurrency_limit_exceeded' } }]);
  });

  it('that cannot write in time says that it does not know, and never releases what it has recorded', async () => {
    const { world, far, calls, forwarded } = twoGateways();
    world.answersAfterMs = 3 * SECOND_MS;
    const command = authorize('1', { owner: boot('third') });
    const taken = far.takeForwarded(world.org, [forwarded(command)], SECOND_MS);
    await world.time.pass(10 * SECOND_MS);
    expect((await taken).map(({ kind }) => kind)).toEqual(['unknown']);
    expect(await calls()).toEqual(['InferenceAuthorized']);
  });

  it('that was started again has another name: its old one is not waited for', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    world.routes.push({ fault: 'fine', arrivesAfterMs: 10 });
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    world.network.leave(NEAR);
    world.service({ boot: boot('near-again') });
    await world.time.pass(SECOND_MS);
    expect(asked.answer).toBe('accepted');
    expect((await gateways()).at(-1)).toEqual(['InferenceAuthorized', FAR_AWAY]);
  });
});

describe('holds of several gateways', () => {
  it('are ended by others once their owner is dead: in warm ledgers by themselves, in cold ones when looked through', async () => {
    let isFarAlive = true;
    const { world, near, toFar } = twoGateways({ isOwnerAlive: (owner) => isFarAlive || owner !== FAR_AWAY });
    toFar(authorize('1', mine));
    await world.time.pass(SECOND_MS);
    await near.read(world.org);
    isFarAlive = false;
    await world.time.pass(2 * SECOND_MS);
    const newest = async () => (await world.events()).at(-1);
    expect(await newest()).toMatchObject({ type: 'InferenceUnresolved', data: { reason: 'owner-dead' } });
    isFarAlive = true;
    toFar(authorize('2', mine));
    await world.time.pass(SECOND_MS);
    isFarAlive = false;
    const swept = world
      .service({ boot: boot('cold'), isOwnerAlive: (owner) => owner !== FAR_AWAY })
      .sweepOrphans([world.org]);
    await world.time.pass(1);
    expect(await swept).toBe(1);
    expect(await newest()).toMatchObject({ type: 'InferenceUnresolved', data: { callId: call('2') } });
  });

  it('do not keep a ledger warm in a gateway that holds none of them; its own do', async () => {
    const { world, near, far, toFar } = twoGateways({ warmLedgersMax: 1 });
    toFar(authorize('1', mine));
    await world.time.pass(SECOND_MS);
    await near.read(world.org);
    for (const gateway of [near, far]) await gateway.read(world.newOrganization());
    expect([near.warmLedgers, far.warmLedgers]).toEqual([1, 2]);
  });
});

describe('carry sets of several gateways', () => {
  it('are written by any of them, and loading from the newest equals folding all', async () => {
    const { world, near, far, toNear, toFar, gateways } = twoGateways({ settings: { carryEveryEvents: 5 } });
    toNear(setLimits({}));
    toNear(defineBudget('b', { limit: usd('1000') }));
    for (let i = 0; i < 40; i += 1) {
      toNear(authorize(`n${i}`));
      toFar(authorize(`f${i}`, mine));
      await world.time.pass(40);
      toNear(complete(`n${i}`, usd('0.001')));
      if (i % 4 === 0) await world.time.pass(500);
    }
    await world.time.pass(2 * SECOND_MS);
    for (let i = 0; i < 300; i += 1) toFar({ ...setLimits({ concurrency: 100 + i }) });
    await world.time.pass(2 * SECOND_MS);
    const writers = (await gateways()).filter(([type]) => type === 'CarryRecorded').map(([, gateway]) => gateway);
    expect(new Set(writers)).toEqual(new Set([NEAR, FAR_AWAY]));
    const [all, loaded] = [await foldAll(world.record, world.org), await loadLedger(world.record, world.org)];
    expect(carryText(loaded.state)).toBe(carryText(all.state));
    for (const gateway of [near, far]) expect(carryText(await gateway.read(world.org))).toBe(carryText(all.state));
    expect(all.state.holds.size).toBe(40);
  });

  it('are loaded by a third one that starts', async () => {
    const { world, toNear, toFar } = twoGateways({ settings: { carryEveryEvents: 2 } });
    for (const name of ['1', '2', '3']) {
      toNear(authorize(`n${name}`));
      toFar(authorize(`f${name}`, mine));
      await world.time.pass(SECOND_MS);
    }
    const third = world.service({ boot: boot('third') });
    expect((await third.read(world.org)).holds.size).toBe(6);
    expect(submit(third, world.org, authorize('t')).answer).toBeUndefined();
  });
});
