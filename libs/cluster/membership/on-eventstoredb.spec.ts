import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemIdentifiers, systemTimers } from '#environment';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import type { BootId } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { GATEWAY_STREAM_PREFIX, gatewayStream } from './events';
import { Membership } from './membership';

const url = process.env.EVENTSTOREDB_URL;
const settings = { beatMs: 50, freshMsMax: 1_000, leaseMs: 2_200, marginMs: 1_100, stopMsMax: 200 };

// Names of their own at every run: a database remembers the gateways of the run before.
const identifiers = systemIdentifiers(systemClock);

let double: EventStoreDbDouble | undefined;
let cleanUps: (() => Promise<void>)[] = [];
beforeAll(async () => {
  if (url === undefined) double = await EventStoreDbDouble.start();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
  cleanUps = [];
});
afterAll(async () => {
  await double?.dispose();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

/** A gateway's membership over a connection of its own, as in a process of its own. */
async function join() {
  const store = new EventStoreDbEventStore(parseConnectionString(url ?? double?.connectionString ?? ''));
  const bootId = identifiers.id('boot');
  const deaths: BootId[] = [];
  const problems: Error[] = [];
  const membership = new Membership({
    store,
    clock: systemClock,
    timers: systemTimers,
    bootId,
    peerUrl: `http://${bootId}`,
    version: '1.0.0',
    newEventId: () => identifiers.eventId(),
    settings,
    recordedAt: (stream, revision) => store.recordedAt(stream, revision),
    limitHistory: (stream) => store.limitStream(stream, { maxCount: 3 }),
    onProblem: (problem) => problems.push(problem),
  });
  membership.onDeath((dead) => deaths.push(dead));
  store.subscribe({
    after: await store.lastPosition(),
    streamPrefixes: [GATEWAY_STREAM_PREFIX],
    onEvent: (stored) => membership.take(stored),
    onCaughtUp: () => membership.caughtUp(),
  });
  cleanUps.push(async () => {
    await membership.stop();
    await store.close();
  });
  await membership.start();
  await until(() => membership.isFresh() && membership.leaseHolds() && membership.isClockTrusted());
  return { store, bootId, membership, deaths, problems };
}

describe(`membership on ${url === undefined ? 'the protocol double' : 'EVENTSTOREDB_URL'}`, () => {
  it('gateways know each other, bound their streams, and trust their clocks', async () => {
    const [one, two] = await Promise.all([join(), join()]);
    await until(() => one.membership.living().includes(two.bootId) && two.membership.living().includes(one.bootId));
    expect(two.membership.peerUrlOf(one.bootId)).toBe(`http://${one.bootId}`);
    expect(Math.abs(one.membership.clockSkewMs() ?? Number.NaN)).toBeLessThanOrEqual(1_000);
    const shown: bigint[] = [];
    for await (const { revision } of one.store.readStream(gatewayStream(one.bootId))) shown.push(revision);
    expect(shown.length).toBeLessThanOrEqual(3);
    expect([...one.problems, ...two.problems]).toEqual([]);
  });

  it('a stop is known to the others at once, a silence after its lease', async () => {
    const [watcher, stopped, silent] = await Promise.all([join(), join(), join()]);
    await stopped.membership.stop();
    await silent.store.close();
    await until(() => watcher.deaths.includes(stopped.bootId));
    expect(watcher.membership.isAlive(silent.bootId)).toBe(true);
    await until(() => watcher.deaths.includes(silent.bootId));
    // A watcher that is held up itself for a moment cannot tell, and says yes.
    await until(() => !watcher.membership.isAlive(silent.bootId));
    expect(silent.membership.leaseHolds()).toBe(false);
  });
});

// Only the double lets itself be cut off.
if (url === undefined)
  describe('membership when connections break', () => {
    it('goes on by itself, and writes no beat twice', async () => {
      const gateway = await join();
      double?.cutConnections();
      await until(() => gateway.membership.isFresh());
      const passes = async (): Promise<void> => {
        if (!(await gateway.membership.barrier())) await passes();
      };
      await passes();
      const own = (double?.records ?? []).filter(({ stream }) => stream === gatewayStream(gateway.bootId));
      expect(own.length).toBeGreaterThan(2);
      expect(new Set(own.map(({ id }) => id)).size).toBe(own.length);
    });
  });
