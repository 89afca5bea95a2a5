import { isCredential } from './authentication';
import { ReadThrough } from './read-through';
import { HandClock, issued, startPlatform, TestGateways, testMachine } from './testing';

describe('a credential that another gateway issued a moment ago', () => {
  it('is waited for, where several share the record', async () => {
    const cluster = new TestGateways(testMachine());
    const [one, other] = [await cluster.start(), await cluster.start()];
    const { secret } = await issued(one);
    expect(await other.control.lookFor(secret)).toBe(true);
    expect(other.cluster.barriers).toBe(1);
    expect(await other.control.waitFor(await cluster.machine.store.lastPosition(), 5_000)).toBe(true);
    expect(other.control.authenticateKey(secret, '::1').ok).toBe(true);
    expect(await other.control.catchUpFor(secret)).toBe(true);
    await cluster.close();
  });

  it('costs nothing where it has no form, or where a process records alone', async () => {
    const cluster = new TestGateways(testMachine());
    const one = await cluster.start();
    const { secret } = await issued(one);
    expect(isCredential(`${secret}x`)).toBe(false);
    expect(one.control.lookFor(`${secret}x`)).toBeUndefined();
    expect(one.control.catchUpFor('stranger')).toBe(true);
    expect(one.cluster.barriers).toBe(0);
    const alone = await startPlatform(testMachine());
    expect([alone.control.catchUp(), alone.control.catchUpFor(secret)]).toEqual([true, true]);
    expect(alone.control.lookFor(secret)).toBeUndefined();
    await Promise.all([cluster.close(), alone.close()]);
  });
});

it('strangers who knock together share one barrier, which begins after the last of them', async () => {
  let barriers = 0;
  const readThrough = new ReadThrough(new HandClock(), async () => {
    barriers += 1;
    return barriers === 1;
  });
  expect(await Promise.all(Array.from({ length: 100 }, () => readThrough.ask()))).toEqual(Array(100).fill(true));
  expect(barriers).toBe(1);
  expect(await readThrough.ask()).toBe(false);
  expect(barriers).toBe(2);
});

it('records that may lack something are not followed, whoever asks', async () => {
  const cluster = new TestGateways(testMachine());
  const one = await cluster.start();
  expect(one.control.isFollowing).toBe(true);
  one.cluster.fresh = false;
  expect(one.control.isFollowing).toBe(false);
  await cluster.close();
});
