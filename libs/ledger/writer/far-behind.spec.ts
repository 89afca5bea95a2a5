import type { ApiKeyId } from '#kernel';
import { FAR_AWAY, twoGateways } from '#testing/simulation';
import { carryText } from '../carry';
import { authorize, SECOND_MS, setLimits } from '../spec-kit';
import { foldAll } from './load-ledger';

const mine = { owner: FAR_AWAY };
const subject = { type: 'api-key', id: 'key_z' as ApiKeyId } as const;

/** Two gateways that both know the ledger; how many events of it have been read since is counted. */
async function counting() {
  const gateways = twoGateways();
  const { world, toNear, toFar } = gateways;
  toNear(setLimits({}));
  toFar(authorize('0', mine));
  await world.time.pass(SECOND_MS);
  const counted = { events: 0 };
  const readStream = world.record.readStream.bind(world.record);
  world.record.readStream = async function* (...request) {
    for await (const stored of readStream(...request)) {
      counted.events += 1;
      yield stored;
    }
  };
  /** Goes on while the other one has nothing to do with the ledger. */
  const nearRecords = async (events: number) => {
    for (let n = 0; n < events; n += 1)
      toNear({ type: n % 2 === 0 ? 'BarSubject' : 'UnbarSubject', subject, reason: 'test' });
    await world.time.pass(100);
  };
  return { ...gateways, counted, nearRecords };
}

describe('a gateway that knows a ledger as it was long ago', () => {
  it('reads it from the newest carry, and not all that was recorded meanwhile', async () => {
    const { world, toFar, far, counted, nearRecords } = await counting();
    await nearRecords(15_000);
    const asked = toFar(authorize('1', mine));
    await world.time.pass(SECOND_MS);
    expect(asked.answer).toBe('accepted');
    expect(counted.events).toBeLessThan(8_000);
    const all = await foldAll(world.record, world.org);
    expect(carryText(await far.read(world.org))).toBe(carryText(all.state));
  });

  it('reads every event where it looks for what a peer may have recorded for it', async () => {
    const { world, toFar, far, farLosesTwice, counted, nearRecords } = await counting();
    world.routes.push({ fault: 'request-lost' });
    const doubtful = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(5 * SECOND_MS);
    expect(doubtful.answer).toBe('accepted');
    counted.events = 0;
    await nearRecords(12_000);
    await Promise.all([far.read(world.org), world.time.pass(SECOND_MS)]);
    expect(counted.events).toBeGreaterThan(12_000);
    const all = await foldAll(world.record, world.org);
    expect(carryText(await far.read(world.org))).toBe(carryText(all.state));
  });
});
