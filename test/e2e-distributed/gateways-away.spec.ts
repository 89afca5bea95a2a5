import { setTimeout as sleep } from 'node:timers/promises';
import { type CallAnswer, type Customer, Gateways, until } from './support/gateways';

const LEASE_MS = 15_000;
/** A look at the leases, a sweep of every ledger, and a busy machine. */
const SWEEP_MS_MAX = 15_000;
/** From an authorization to its dispatch. */
const DISPATCH_WINDOW_MS = 5_000;
/** Calls that are somewhere on their way when their gateway is stopped. */
const ON_THE_WAY = 20;

const LIVING = 0;
const PAUSED = 1;
const KILLED = 2;

/** One gateway is stopped beyond its lease, another killed, at the same moment: a lease is long, and is waited for once. */
describe('gateways that go away with calls open', () => {
  let world: Gateways;
  let quick: string;
  let slow: string;
  let ofPaused: Customer;
  let ofKilled: Customer;
  let answerOfPaused: Promise<CallAnswer>;
  let onTheWay: Promise<unknown>;
  let awaySinceMs: number;

  beforeAll(async () => {
    world = await Gateways.open(3);
    quick = await world.model();
    slow = await world.model({ pauseAfter: 0 });
    ofPaused = await world.customer();
    // Room for one call: while it is held, nothing else can be spent.
    ofKilled = await world.customer('0.0001');
    const [oldest] = [...world.gateways.keys()];
    expect(oldest).toBe(LIVING);
    for (const index of [PAUSED, KILLED])
      await until('the model on every gateway', async () => {
        const { status } = await world.call(index, ofPaused.key.secret, quick, 'marker-warm');
        return status === 200 ? true : undefined;
      });
    answerOfPaused = world.call(PAUSED, ofPaused.key.secret, slow, 'marker-of-paused');
    world.call(KILLED, ofKilled.key.secret, slow, 'marker-of-killed').catch(() => undefined); // It dies with its gateway.
    await world.upstream.callWith('marker-of-paused');
    await world.upstream.callWith('marker-of-killed');
    const ways = Array.from({ length: ON_THE_WAY }, (_, index) =>
      world.call(PAUSED, ofPaused.key.secret, quick, `marker-way-${index}`),
    );
    onTheWay = Promise.allSettled(ways);
    await world.upstream.callWith('marker-way-');
    world.gateway(PAUSED).pause();
    await world.gateway(KILLED).kill('SIGKILL');
    awaySinceMs = performance.now();
  });
  afterAll(() => world.close());

  function untilEndsAs(customer: Customer, marker: string, types: readonly string[]): Promise<true> {
    return until(
      `${types.at(-1)} of ${marker}`,
      async () => {
        const seen = await world.typesOf(customer.orgId, marker);
        return JSON.stringify(seen) === JSON.stringify(types) ? true : undefined;
      },
      LEASE_MS + SWEEP_MS_MAX,
    );
  }

  it('calls of a killed one become unresolved within a lease and a sweep, though nobody uses their organization', async () => {
    await untilEndsAs(ofKilled, 'marker-of-killed', ['InferenceAuthorized', 'InferenceUnresolved']);
    expect(performance.now() - awaySinceMs).toBeGreaterThan(LEASE_MS / 2);
  });

  it('and their budget is usable again, once somebody has decided what they cost', async () => {
    const { orgId, key, budgetId } = ofKilled;
    const refused = await world.call(LIVING, key.secret, quick, 'marker-no-room');
    expect([refused.status, refused.code]).toEqual([402, 'budget_exhausted']);
    const { admin } = world.gateway(LIVING);
    const { callId } = await callOf(orgId);
    await admin.resolveCall(orgId, callId, '0', "the backend's own statement");
    expect((await world.call(LIVING, key.secret, quick, 'marker-room')).status).toBe(200);
    expect(await admin.budget(orgId, budgetId)).toMatchObject({ settled: '0.000016', held: '0', unresolved: '0' });
  });

  async function callOf(orgId: string): Promise<{ callId: string }> {
    const [first] = (await world.ledger(orgId)).flatMap(({ event }) =>
      event.type === 'InferenceAuthorized' ? [event.data] : [],
    );
    if (first === undefined) throw new Error('nothing was authorized');
    return first;
  }

  it('calls of one that is stopped beyond its lease become unresolved through another one', async () => {
    await untilEndsAs(ofPaused, 'marker-of-paused', ['InferenceAuthorized', 'InferenceUnresolved']);
    expect((await world.call(LIVING, ofPaused.key.secret, quick, 'marker-meanwhile')).status).toBe(200);
  });

  it('once it goes on it settles what it had dispatched, late and once, and is ready again by itself', async () => {
    world.gateway(PAUSED).resume();
    world.upstream.resume();
    const answer = await answerOfPaused;
    expect([200, 503]).toContain(answer.status);
    await untilEndsAs(ofPaused, 'marker-of-paused', [
      'InferenceAuthorized',
      'InferenceUnresolved',
      'InferenceCompleted',
    ]);
    const completed = (await world.ledger(ofPaused.orgId)).flatMap(({ event }) =>
      event.type === 'InferenceCompleted' && event.data.late ? [event.data.charged] : [],
    );
    expect(completed).toContain(16_000n);
    await world.untilReady(PAUSED);
    expect((await world.call(PAUSED, ofPaused.key.secret, quick, 'marker-again')).status).toBe(200);
    expect(world.arrivals('marker-of-paused')).toHaveLength(1);
  });

  it('it has dispatched nothing that it was allowed before it was stopped', async () => {
    await onTheWay;
    await sleep(0);
    const authorizedAt = new Map<string, number[]>();
    for (const { event, metadata } of await world.ledger(ofPaused.orgId))
      if (event.type === 'InferenceAuthorized' && event.data.clientRequestId !== undefined) {
        const { clientRequestId } = event.data;
        authorizedAt.set(clientRequestId, [...(authorizedAt.get(clientRequestId) ?? []), metadata.at]);
      }
    const late: string[] = [];
    for (const { marker, at } of world.arrivals('marker-way-')) {
      const allowed = (authorizedAt.get(marker) ?? []).filter((then) => then <= at);
      expect([marker, allowed.length]).toEqual([marker, 1]);
      if (at - (allowed[0] ?? 0) > DISPATCH_WINDOW_MS) late.push(marker);
    }
    // Only one can have been between the last look at the lease and the wire: a process is stopped in one place. What
    // it costs was counted at its ceiling all the time, and is then settled late.
    for (const marker of late)
      expect([marker, await world.typesOf(ofPaused.orgId, marker)]).toEqual([
        marker,
        ['InferenceAuthorized', 'InferenceUnresolved', 'InferenceCompleted'],
      ]);
    expect(late.length).toBeLessThanOrEqual(1);
  });

  it('every budget counts on every gateway what the record proves, and nothing is held', async () => {
    const { orgId, budgetId } = ofPaused;
    await until('an organization without holds', async () => {
      const { held } = await world.gateway(LIVING).admin.budget(orgId, budgetId);
      return held === '0' ? true : undefined;
    });
    const [one, other] = [LIVING, PAUSED].map((index) => world.gateway(index).admin.budget(orgId, budgetId));
    expect(await one).toEqual(await other);
  });
});
