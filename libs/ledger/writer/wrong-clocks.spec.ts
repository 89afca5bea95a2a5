import { epochMs, usd } from '#kernel';
import { LedgerWorld, submit } from '#testing/simulation';
import { abandon, authorize, complete, defineBudget, HOUR_MS, key, SECOND_MS, setLimits } from '../spec-kit';
import { rateViews } from '../views';
import type { LedgerService } from './ledger-service';

const DAYS_MS = 5 * 24 * HOUR_MS;

/** A record that a process wrote whose clock was five days ahead; the clock is right again. */
async function recordOfTheFuture() {
  const world = new LedgerWorld();
  world.time.jump(DAYS_MS);
  const service = world.service();
  submit(service, world.org, setLimits({ requestsPerMinute: 60, burst: 1 }));
  submit(service, world.org, defineBudget('b', { limit: usd('1'), period: 'daily' }));
  submit(service, world.org, authorize('1'));
  await world.time.pass(1);
  submit(service, world.org, abandon('1'));
  await world.time.pass(1);
  await service.stop();
  world.time.jump(-DAYS_MS);
  return world;
}

const newest = (world: LedgerWorld) => epochMs(world.time.now() + DAYS_MS);

async function started(world: LedgerWorld, service: LedgerService): Promise<void> {
  const starting = service.start(newest(world));
  await world.time.pass(1);
  await starting;
}

describe('a record that lies days ahead', () => {
  it('is started only with what says that its clock was wrong, and names that', async () => {
    const world = await recordOfTheFuture();
    await expect(world.service().start()).rejects.toThrow(/AIAAS_ACCEPT_RECORD_TIME=2026-05-18T12:00:00.00\dZ/);
    await expect(world.service().start(epochMs(newest(world) - HOUR_MS))).rejects.toThrow('set the clock right');
    expect(await world.events()).not.toContainEqual(expect.objectContaining({ type: 'LedgerTimeCorrected' }));
  });

  it('is corrected by an event, once, and goes on at the right time', async () => {
    const world = await recordOfTheFuture();
    const service = world.service();
    const to = world.time.now();
    await started(world, service);
    expect((await world.events()).at(-1)).toMatchObject({ type: 'LedgerTimeCorrected', data: { to } });
    const state = await service.read(world.org);
    expect([state.time, service.timeOf(world.org), service.aheadMs]).toEqual([to, world.time.now(), 0]);
    const events = (await world.events()).length;
    const again = world.service();
    await started(world, again);
    expect(await again.read(world.org)).toEqual(state);
    expect(await world.events()).toHaveLength(events);
    await service.stop();
    await again.stop();
  });

  it('fills rate buckets again at once, and keeps what was unresolved in its period', async () => {
    const world = await recordOfTheFuture();
    const service = world.service();
    await started(world, service);
    const first = submit(service, world.org, authorize('2'));
    await world.time.pass(1);
    expect(first.answer).toBe('rate_limit_exceeded');
    await world.time.pass(SECOND_MS);
    const second = submit(service, world.org, authorize('3'));
    await world.time.pass(1);
    expect(second.answer).toBe('accepted');
    submit(service, world.org, complete('3', usd('0.005')));
    await world.time.pass(1);
    // The day of the wrong clock goes on until it ends: its budget is not given twice.
    const { periods } = await service.read(world.org);
    expect([...periods.values()]).toMatchObject([{ unresolved: usd('0.01'), settled: usd('0.005'), held: 0n }]);
    await service.stop();
  });
});

describe('a clock that is set back while the process runs', () => {
  it('does not stop the time of rates and deadlines', async () => {
    const world = new LedgerWorld();
    const service = world.service();
    service.watch();
    submit(service, world.org, setLimits({ requestsPerMinute: 60, burst: 1 }));
    submit(service, world.org, authorize('1', { holdMs: 10 * SECOND_MS }));
    await world.time.pass(1);
    world.time.jump(-HOUR_MS);
    const refused = submit(service, world.org, authorize('2'));
    await world.time.pass(2 * SECOND_MS);
    const admitted = submit(service, world.org, authorize('3'));
    await world.time.pass(1);
    expect([refused.answer, admitted.answer]).toEqual(['rate_limit_exceeded', 'accepted']);
    expect(service.aheadMs).toBeGreaterThan(HOUR_MS - 10 * SECOND_MS);
    const state = await service.read(world.org);
    expect(rateViews(state, key('a'), service.timeOf(world.org))).toMatchObject([{ remaining: 0, limit: 60 }]);
    await world.time.pass(20 * SECOND_MS);
    expect((await world.events()).map(({ type }) => type)).toContain('InferenceUnresolved');
    await service.stop();
  });
});
