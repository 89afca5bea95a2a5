import { usd } from '#kernel';
import { LedgerWorld, submit } from '#testing/simulation';
import {
  abandon,
  authorize,
  boot,
  choosePolicy,
  defineBudget,
  HOUR_MS,
  MINUTE_MS,
  resolve,
  SECOND_MS,
} from '../spec-kit';

const DAY_MS = 24 * HOUR_MS;

async function lose(world: LedgerWorld, service: ReturnType<LedgerWorld['service']>, ...names: readonly string[]) {
  for (const name of names) submit(service, world.org, authorize(name, { owner: boot('a') }));
  await world.time.pass(1);
  for (const name of names) submit(service, world.org, abandon(name, usd('0.002')));
  await world.time.pass(1);
}

/** Ticks once a second would take long: time jumps, and then the next tick sees it. */
async function pass(world: LedgerWorld, ms: number) {
  world.time.jump(ms);
  await world.time.pass(3 * SECOND_MS);
}

const resolves = async (world: LedgerWorld) =>
  (await world.events()).flatMap((event) => (event.type === 'InferenceResolved' ? event.data : []));

describe('the policy for unresolved calls, in a process', () => {
  it('resolves them when it is time, each once, and frees their budgets', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    service.watch();
    submit(service, world.org, defineBudget('b', { limit: usd('1') }));
    await lose(world, service, '1', '2', '3');
    submit(service, world.org, resolve('2', usd('0')));
    await pass(world, DAY_MS - MINUTE_MS);
    expect(await resolves(world)).toHaveLength(1);
    await pass(world, MINUTE_MS);
    expect((await resolves(world)).map(({ callId, source, charged }) => [callId, source, charged])).toEqual([
      ['req_2', 'operator', 0n],
      ['req_1', 'policy', usd('0.002')],
      ['req_3', 'policy', usd('0.002')],
    ]);
    await pass(world, DAY_MS);
    expect(await resolves(world)).toHaveLength(3);
    const { periods } = await service.read(world.org);
    expect([...periods.values()]).toMatchObject([{ settled: usd('0.004'), unresolved: 0n }]);
    await service.stop();
  });

  it('is taken up by the next process after a crash, also for what came due meanwhile', async () => {
    const world = new LedgerWorld();
    await lose(world, world.service(), '1', '2');
    world.time.jump(2 * DAY_MS);
    const next = world.service();
    await next.start();
    await world.time.pass(3 * SECOND_MS);
    expect(await resolves(world)).toHaveLength(2);
    await next.stop();
  });

  it('goes on with the next where so many are due that they do not fit into one batch', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    service.watch();
    submit(service, world.org, { type: 'SetLimits', target: { type: 'organization' }, limits: {} });
    const names = Array.from({ length: 450 }, (_, i) => `${i}`);
    submit(service, world.org, { type: 'SetLimits', target: { type: 'api-key', id: 'key_a' as never }, limits: {} });
    await lose(world, service, ...names);
    await pass(world, DAY_MS);
    expect(new Set((await resolves(world)).map(({ callId }) => callId)).size).toBe(450);
    await service.stop();
  });

  it('wakes a ledger that was forgotten, and lets one sleep that has chosen never', async () => {
    const world = new LedgerWorld();
    const service = world.service({ warmLedgersMax: 1 });
    service.watch();
    await lose(world, service, '1');
    const other = world.newOrganization();
    const patient = world.newOrganization();
    submit(service, patient, choosePolicy('never', 0));
    await world.time.pass(1);
    submit(service, patient, authorize('9'));
    await world.time.pass(1);
    submit(service, patient, abandon('9'));
    await world.time.pass(SECOND_MS);
    await service.read(other);
    await world.time.pass(SECOND_MS);
    expect(service.warmLedgers).toBe(1);
    await pass(world, DAY_MS);
    expect(await resolves(world)).toHaveLength(1);
    expect((await world.events(patient)).map(({ type }) => type)).not.toContain('InferenceResolved');
    await service.stop();
  });

  it('has one effect where several gateways follow it', async () => {
    const world = new LedgerWorld();
    const [a, b] = [world.service({ boot: boot('a') }), world.service({ boot: boot('b') })];
    a.watch();
    b.watch();
    await lose(world, a, '1', '2');
    await b.read(world.org);
    world.time.jump(DAY_MS);
    await world.time.pass(90 * SECOND_MS);
    expect((await resolves(world)).map(({ callId }) => callId).sort()).toEqual(['req_1', 'req_2']);
    await a.stop();
    await b.stop();
  });

  it('is followed by the others when the gateway of a call is gone', async () => {
    const world = new LedgerWorld();
    const [a, b] = [world.service({ boot: boot('a') }), world.service({ boot: boot('b') })];
    await lose(world, a, '1');
    await a.stop();
    b.watch();
    await b.read(world.org);
    world.time.jump(DAY_MS);
    await world.time.pass(5 * SECOND_MS);
    expect(await resolves(world)).toEqual([]);
    await world.time.pass(30 * SECOND_MS);
    expect(await resolves(world)).toHaveLength(1);
    await b.stop();
  });
});
