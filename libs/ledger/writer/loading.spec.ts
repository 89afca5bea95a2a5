import { type OrganizationId, usd } from '#kernel';
import { LedgerWorld, type LedgerWorldOptions, submit } from '#testing/simulation';
import { carryText } from '../carry';
import {
  abandon,
  authorize,
  boot,
  complete,
  counted,
  defineBudget,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
  setLimits,
} from '../spec-kit';
import { foldAll, loadLedger } from './load-ledger';

async function busyWorld(calls: number, options: LedgerWorldOptions = {}) {
  const world = new LedgerWorld();
  const service = world.service(options);
  submit(service, world.org, setLimits({}));
  submit(service, world.org, defineBudget('b', { limit: usd('1000') }));
  for (let i = 0; i < calls; i += 1) {
    submit(service, world.org, authorize(`${i}`, { idempotency: { key: `k${i}`, body: 'b' } }));
    await world.time.pass(100);
    if (i % 3 === 0) submit(service, world.org, complete(`${i}`, usd('0.005')));
    if (i % 3 === 1) submit(service, world.org, abandon(`${i}`));
  }
  await world.time.pass(SECOND_MS);
  return { world, service };
}

describe('carry sets', () => {
  it('are written every so many events, and loading from one equals folding all', async () => {
    const { world, service } = await busyWorld(60, { settings: { carryEveryEvents: 20 } });
    const carries = (await world.stored()).filter(({ type }) => type === 'CarryRecorded');
    expect(carries.length).toBeGreaterThan(1);
    const [all, loaded] = [await foldAll(world.record, world.org), await loadLedger(world.record, world.org)];
    expect(carryText(loaded.state)).toBe(carryText(all.state));
    expect([loaded.revision, loaded.position]).toEqual([all.revision, all.position]);
    expect(loaded.uncarriedEvents).toBeLessThan(all.uncarriedEvents);
    expect(carryText(await service.read(world.org))).toBe(carryText(all.state));
  });

  it('stay a small part of the record, however much they hold', async () => {
    const { world } = await busyWorld(400, { settings: { carryEveryEvents: 1 } });
    const bytes = { carry: 0, all: 0 };
    for (const { type, body } of await world.stored()) {
      bytes.all += body.length;
      if (type === 'CarryRecorded') bytes.carry += body.length;
    }
    expect(bytes.carry).toBeGreaterThan(0);
    expect(bytes.carry / bytes.all).toBeLessThan(0.4);
  });

  it('in several parts are read whole, and ignored while a part is missing', async () => {
    const { world } = await busyWorld(150, { settings: { carryEveryEvents: 200, batchBytesMax: 60_000 } });
    const stored = await world.stored();
    const parts = stored.filter(({ type }) => type === 'CarryRecorded');
    expect(parts.length).toBeGreaterThan(1);
    const whole = await loadLedger(world.record, world.org);
    expect(whole.uncarriedEvents).toBeLessThan(stored.length);
    // The same record, cut off in the middle of the newest set.
    const cut = new LedgerWorld();
    const last = stored.findLastIndex(({ type }) => type === 'CarryRecorded');
    for (const [i, event] of stored.slice(0, last).entries())
      await cut.record.append(event.stream, i === 0 ? 'no-stream' : BigInt(i - 1), [event]);
    const [all, loaded] = [await foldAll(cut.record, world.org), await loadLedger(cut.record, world.org)];
    expect(carryText(loaded.state)).toBe(carryText(all.state));
  });

  it.each([
    ['of an unknown version', /"version":\d+\}/, '"version":99}'],
    ['with a wrong digest', /settled\\":\\"\d+/, 'settled\\":\\"7'],
  ])('%s are ignored', async (_, found, instead) => {
    const { world } = await busyWorld(20, { settings: { carryEveryEvents: 10 } });
    const tampered = new LedgerWorld();
    for (const [i, event] of (await world.stored()).entries()) {
      const text = Buffer.from(event.body).toString();
      if (event.type === 'CarryRecorded') expect(text).toMatch(found);
      const kept =
        event.type === 'CarryRecorded' ? { ...event, body: Buffer.from(text.replace(found, instead)) } : event;
      await tampered.record.append(event.stream, i === 0 ? 'no-stream' : BigInt(i - 1), [kept]);
    }
    const [all, loaded] = [await foldAll(tampered.record, world.org), await loadLedger(tampered.record, world.org)];
    expect(carryText(loaded.state)).toBe(carryText(all.state));
    expect(loaded.uncarriedEvents).toBe(all.uncarriedEvents);
  });
});

describe('starting', () => {
  it('ends the holds of dead owners before the first call, and lets the living ones be', async () => {
    const world = new LedgerWorld();
    const before = world.service();
    for (const command of [defineBudget('b'), authorize('1'), authorize('2', { owner: boot('living') })])
      submit(before, world.org, command);
    await world.time.pass(1);
    const service = world.service({ isOwnerAlive: (owner) => owner === boot('living') });
    const started = service.start();
    await world.time.pass(1);
    expect(await started).toBe(1);
    expect((await world.events()).at(-1)).toMatchObject({
      type: 'InferenceUnresolved',
      data: { callId: 'req_1', reason: 'owner-dead' },
    });
    const state = await service.read(world.org);
    expect(counted({ state, now: world.time.now() })).toEqual({
      held: usd('0.01'),
      settled: 0n,
      unresolved: usd('0.01'),
    });
  });

  it('does so also for a ledger that is first read later', async () => {
    const world = new LedgerWorld();
    submit(world.service(), world.org, authorize('1'));
    await world.time.pass(1);
    await world.service({ isOwnerAlive: () => false }).read(world.org);
    await world.time.pass(1);
    expect((await world.events()).map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
  });

  it('is refused while the record lies far in the future', async () => {
    const world = new LedgerWorld();
    submit(world.service(), world.org, authorize('1'));
    await world.time.pass(1);
    world.time.jump(-6 * MINUTE_MS);
    await expect(world.service().start()).rejects.toThrow('set the clock right');
    world.time.jump(2 * MINUTE_MS);
    await expect(world.service().start()).resolves.toBe(0);
  });

  it('ends holds whose deadline has passed, each once, however long the store is away', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    await service.start();
    submit(service, world.org, authorize('1'));
    await world.time.pass(1);
    world.isDown = true;
    await world.time.pass(20 * MINUTE_MS);
    world.isDown = false;
    await world.time.pass(5 * SECOND_MS);
    expect((await world.events()).map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
  });
});

describe('warm ledgers', () => {
  it('are forgotten least recently used first, and only when idle', async () => {
    const world = new LedgerWorld();
    const service = world.service({ warmLedgersMax: 2 });
    const [a, b, c, d] = [world.org, world.newOrganization(), world.newOrganization(), world.newOrganization()];
    submit(service, a, authorize('1'));
    await world.time.pass(1);
    await Promise.all([b, c, d].map((org) => service.read(org)));
    expect(service.warmLedgers).toBe(2);
    // The one with an open call is still warm, and still ends it in time.
    await service.start();
    await world.time.pass(HOUR_MS);
    expect((await world.events()).at(-1)).toMatchObject({ type: 'InferenceUnresolved', data: { reason: 'deadline' } });
  });

  it('may be more than wished while all are busy: none loses its open calls', async () => {
    const world = new LedgerWorld();
    const service = world.service({ warmLedgersMax: 1 });
    await service.start();
    const orgs: OrganizationId[] = [world.org, world.newOrganization(), world.newOrganization()];
    for (const org of orgs) submit(service, org, authorize('1'));
    await world.time.pass(1);
    expect(service.warmLedgers).toBe(3);
    await world.time.pass(HOUR_MS);
    for (const org of orgs)
      expect((await world.events(org)).map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
  });
});

describe('stopping', () => {
  it('waits until what was submitted is recorded', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    submit(service, world.org, authorize('1'));
    await world.time.pass(1);
    world.answersAfterMs = 2 * SECOND_MS;
    submit(service, world.org, complete('1', usd('0')));
    let isStopped = false;
    void service.stop().then(() => {
      isStopped = true;
    });
    await world.time.pass(SECOND_MS);
    expect(isStopped).toBe(false);
    await world.time.pass(2 * SECOND_MS);
    expect(isStopped).toBe(true);
  });

  it('does not wait for ever for a store that is away', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    submit(service, world.org, authorize('1'));
    await world.time.pass(1);
    world.isDown = true;
    submit(service, world.org, complete('1', usd('0')));
    const stopped = service.stop();
    await world.time.pass(11 * SECOND_MS);
    await expect(stopped).resolves.toBeUndefined();
  });
});
