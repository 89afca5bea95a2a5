import type { BootId, EpochMs, StoredEvent, StreamName } from '#kernel';
import { gatewayStream } from './events';
import { newBootId, newEventId, TestCluster, type TestGateway } from './spec-kit';

let cluster: TestCluster;
let watcher: TestGateway;
beforeEach(async () => {
  cluster = new TestCluster();
  watcher = await cluster.running();
});

const isAlive = (gateway: TestGateway | BootId) =>
  watcher.membership.isAlive(typeof gateway === 'string' ? gateway : gateway.bootId);

/** As by kill -9. */
function kill(gateway: TestGateway): void {
  gateway.freezer.isFrozen = true;
}

describe('freshness', () => {
  it('is there once history is read and an own beat came back', async () => {
    const gateway = cluster.gateway();
    void gateway.membership.start();
    await cluster.pass(1_000);
    expect(gateway.membership.isFresh()).toBe(false);
    gateway.follow();
    await cluster.pass(100);
    expect(gateway.membership.isFresh()).toBe(true);
  });

  it('is lost when the subscription is behind, even while beats are acknowledged', async () => {
    watcher.deaf(true);
    await cluster.pass(1_500);
    expect(watcher.membership.isFresh()).toBe(true);
    await cluster.pass(600);
    expect(watcher.membership.isFresh()).toBe(false);
    expect(watcher.membership.leaseHolds()).toBe(true);
    watcher.deaf(false);
    expect(watcher.membership.isFresh()).toBe(true);
  });

  it('is as old as the beat that came back, not as young as its arrival', async () => {
    watcher.deaf(true);
    await cluster.pass(500);
    watcher.fault = 'unavailable';
    await cluster.pass(3_000);
    watcher.deaf(false);
    expect(watcher.membership.isFresh()).toBe(false);
  });

  it('is lost when the store is away', async () => {
    watcher.fault = 'unavailable';
    await cluster.pass(2_100);
    expect(watcher.membership.isFresh()).toBe(false);
    watcher.fault = 'fine';
    await cluster.pass(600);
    expect(watcher.membership.isFresh()).toBe(true);
  });
});

describe('life and death of others', () => {
  it('knows who lives and where they are reached', async () => {
    const other = await cluster.running();
    expect(isAlive(other)).toBe(true);
    expect(watcher.membership.peerUrlOf(other.bootId)).toBe(`http://${other.bootId}`);
    expect(watcher.membership.peerUrlOf(watcher.bootId)).toBe(`http://${watcher.bootId}`);
    expect(watcher.membership.living()).toEqual([watcher.bootId, other.bootId]);
    expect(watcher.membership.isEldest()).toBe(true);
    expect(other.membership.isEldest()).toBe(false);
  });

  it('takes a silent gateway for dead after its lease, and says so once', async () => {
    const other = await cluster.running();
    kill(other);
    await cluster.pass(14_000);
    expect(isAlive(other)).toBe(true);
    expect(watcher.deaths).toEqual([]);
    await cluster.pass(1_500);
    expect(isAlive(other)).toBe(false);
    expect(watcher.membership.peerUrlOf(other.bootId)).toBeUndefined();
    await cluster.pass(20_000);
    expect(watcher.deaths).toEqual([other.bootId]);
  });

  it('takes one that stopped for dead at once, for good', async () => {
    const other = await cluster.running();
    const [started] = await other.written();
    await other.membership.stop();
    await cluster.pass(100);
    expect(isAlive(other)).toBe(false);
    expect(watcher.deaths).toEqual([other.bootId]);
    if (started !== undefined) watcher.membership.take(started);
    expect(isAlive(other)).toBe(false);
  });

  it('passes the duties of the eldest on', async () => {
    const other = await cluster.running();
    await watcher.membership.stop();
    await cluster.pass(100);
    expect(other.membership.isEldest()).toBe(true);
    expect(other.membership.living()).toEqual([other.bootId]);
  });

  it('lets one come back that was only paused, and tells of its next death', async () => {
    const other = await cluster.running();
    kill(other);
    await cluster.pass(16_000);
    expect(isAlive(other)).toBe(false);
    other.freezer.thaw();
    await cluster.pass(600);
    expect(isAlive(other)).toBe(true);
    kill(other);
    await cluster.pass(16_000);
    expect(watcher.deaths).toEqual([other.bootId, other.bootId]);
  });

  it('a restarted gateway is another boot', async () => {
    const other = await cluster.running();
    kill(other);
    const again = await cluster.running();
    await cluster.pass(14_000);
    expect(watcher.deaths).toEqual([other.bootId]);
    expect(watcher.membership.living()).toEqual([watcher.bootId, again.bootId]);
  });

  it('a listener that throws keeps nobody else from hearing', async () => {
    const heard: BootId[] = [];
    const other = await cluster.running();
    watcher.membership.onDeath(() => {
      throw new Error('no');
    });
    watcher.membership.onDeath((bootId) => heard.push(bootId));
    await other.membership.stop();
    await cluster.pass(100);
    expect(heard).toEqual([other.bootId]);
    expect(watcher.problems).toEqual([`the end of ${other.bootId} could not be dealt with`]);
  });

  it('what it cannot read is a sign of life all the same, reported once', async () => {
    const other = await cluster.running();
    kill(other);
    await cluster.pass(10_000);
    const strange = (revision: bigint): StoredEvent => ({
      id: newEventId(),
      type: 'GatewayBeat',
      body: Buffer.from('{"v":9}'),
      stream: gatewayStream(other.bootId),
      revision,
      position: 1_000n,
    });
    watcher.membership.take(strange(90n));
    watcher.membership.take(strange(91n));
    watcher.membership.take({ ...strange(92n), stream: 'ledger-x' as StreamName });
    await cluster.pass(10_000);
    expect(isAlive(other)).toBe(true);
    expect(watcher.membership.peerUrlOf(other.bootId)).toBe(`http://${other.bootId}`);
    expect(watcher.problems).toHaveLength(1);
  });
});

describe('who cannot know says that others live', () => {
  it('while it hears nothing, and one whole lease longer', async () => {
    const other = await cluster.running();
    kill(other);
    await cluster.pass(12_000);
    watcher.deaf(true);
    await cluster.pass(30_000);
    expect(isAlive(other)).toBe(true);
    watcher.deaf(false);
    await cluster.pass(14_500);
    expect(isAlive(other)).toBe(true);
    await cluster.pass(1_000);
    expect(isAlive(other)).toBe(false);
    expect(watcher.deaths).toEqual([other.bootId]);
  });

  it('nobody dies of an outage of the store', async () => {
    const other = await cluster.running();
    for (const gateway of [watcher, other]) gateway.fault = 'unavailable';
    await cluster.pass(60_000);
    for (const gateway of [watcher, other]) gateway.fault = 'fine';
    await cluster.pass(20_000);
    expect(watcher.deaths).toEqual([]);
    expect(other.deaths).toEqual([]);
    expect(isAlive(other)).toBe(true);
  });

  it('a paused process that wakes up buries nobody', async () => {
    const other = await cluster.running();
    watcher.freezer.isFrozen = true;
    await cluster.pass(60_000);
    expect(isAlive(other)).toBe(true);
    watcher.freezer.thaw();
    expect(isAlive(other)).toBe(true);
    await cluster.pass(20_000);
    expect(watcher.deaths).toEqual([]);
  });

  it('even of one that it had given up, which may have come back unheard; not of one that stopped', async () => {
    const [stopped, lost] = [await cluster.running(), await cluster.running()];
    kill(lost);
    await stopped.membership.stop();
    await cluster.pass(16_000);
    expect([stopped, lost].map(isAlive)).toEqual([false, false]);
    watcher.deaf(true);
    await cluster.pass(5_000);
    expect([stopped, lost].map(isAlive)).toEqual([false, true]);
    watcher.deaf(false);
    await cluster.pass(16_000);
    expect([stopped, lost].map(isAlive)).toEqual([false, false]);
    // It was vouched for anew, so its end is told anew.
    expect(watcher.deaths).toEqual([stopped.bootId, lost.bootId, lost.bootId]);
  });

  it('a boot without a trace lives until one lease after the catch-up, and its end is told', async () => {
    const stranger = newBootId();
    const late = cluster.gateway();
    expect(late.membership.isAlive(stranger)).toBe(true);
    late.follow();
    await cluster.pass(100);
    void late.membership.start();
    await cluster.pass(14_000);
    expect(late.membership.isAlive(stranger)).toBe(true);
    await cluster.pass(1_600);
    expect(late.membership.isAlive(stranger)).toBe(false);
    expect(late.deaths).toEqual([stranger]);
    expect(late.membership.isAlive(newBootId())).toBe(false);
  });
});

describe('history', () => {
  it('renews no lease: it runs from the catch-up, whenever its beats were', async () => {
    const other = await cluster.running();
    kill(other);
    await cluster.pass(60_000);
    const late = await cluster.running();
    expect(late.membership.isAlive(other.bootId)).toBe(true);
    await cluster.pass(11_500);
    expect(late.membership.isAlive(other.bootId)).toBe(true);
    await cluster.pass(2_000);
    expect(late.membership.isAlive(other.bootId)).toBe(false);
    expect(late.deaths).toEqual([other.bootId]);
  });

  it('that takes long to deliver declares nobody dead meanwhile', async () => {
    const other = await cluster.running();
    const late = cluster.gateway();
    late.deaf(true);
    late.follow();
    void late.membership.start();
    await cluster.pass(60_000);
    expect(late.membership.isFresh()).toBe(false);
    expect(late.membership.isAlive(other.bootId)).toBe(true);
    late.deaf(false);
    await cluster.pass(20_000);
    expect(late.deaths).toEqual([]);
    expect(late.membership.living()).toEqual([watcher.bootId, other.bootId, late.bootId]);
  });

  it('tells of no stop in it, except of boots that were asked about', async () => {
    const [quiet, asked] = [await cluster.running(), await cluster.running()];
    await quiet.membership.stop();
    await asked.membership.stop();
    const late = cluster.gateway();
    expect(late.membership.isAlive(asked.bootId)).toBe(true);
    late.follow();
    void late.membership.start();
    await cluster.pass(1_000);
    expect(late.membership.isAlive(quiet.bootId)).toBe(false);
    expect(late.membership.isAlive(asked.bootId)).toBe(false);
    expect(late.deaths).toEqual([asked.bootId]);
  });

  it('is remembered within limits; who is forgotten is without a trace', async () => {
    const boots = [await cluster.running(), await cluster.running(), await cluster.running()];
    for (const boot of boots) kill(boot);
    const late = await cluster.running({ settings: { gatewaysMax: 2 } });
    expect(late.membership.living()).toHaveLength(3);
    expect(boots.map(({ bootId }) => late.membership.isAlive(bootId))).toEqual([true, true, true]);
    await cluster.pass(20_000);
    expect(boots.map(({ bootId }) => late.membership.isAlive(bootId))).toEqual([false, false, false]);
  });
});

describe('the clocks of this machine and of the store', () => {
  const comparing = (aheadMs: () => number) => async (): Promise<EpochMs> => cluster.now(-aheadMs());

  it('without a clock of the store there is nothing to distrust', () => {
    expect(watcher.membership.clockSkewMs()).toBeUndefined();
    expect(watcher.membership.isClockTrusted()).toBe(true);
  });

  it('is not trusted before it was compared', async () => {
    const gateway = cluster.gateway({ recordedAt: comparing(() => 0) });
    expect(gateway.membership.isClockTrusted()).toBe(false);
    void gateway.membership.start();
    await cluster.pass(100);
    expect(gateway.membership.clockSkewMs()).toBe(0);
    expect(gateway.membership.isClockTrusted()).toBe(true);
  });

  it.each([
    [1_000, true],
    [1_001, false],
    [-1_000, true],
    [-1_001, false],
  ])('a clock that is %d ms ahead is trusted: %s', async (aheadMs, isTrusted) => {
    const gateway = await cluster.running({ recordedAt: comparing(() => aheadMs) });
    expect(gateway.membership.clockSkewMs()).toBe(aheadMs);
    expect(gateway.membership.isClockTrusted()).toBe(isTrusted);
  });

  it('is looked at again every ten seconds, and while it is wrong with every beat', async () => {
    let aheadMs = 0;
    const gateway = await cluster.running({ recordedAt: comparing(() => aheadMs) });
    aheadMs = 5_000;
    await cluster.pass(10_600);
    expect(gateway.membership.isClockTrusted()).toBe(false);
    aheadMs = 0;
    await cluster.pass(600);
    expect(gateway.membership.isClockTrusted()).toBe(true);
  });

  it('takes no slow answer for skew, and concludes nothing from one', async () => {
    const sentAt: EpochMs[] = [];
    const gateway = cluster.gateway({ recordedAt: async () => sentAt[0] ?? cluster.now() });
    gateway.answersAfterMs = 4_000;
    sentAt.push(cluster.now());
    void gateway.membership.start();
    await cluster.pass(4_100);
    expect(gateway.membership.clockSkewMs()).toBeUndefined();
    expect(gateway.membership.isClockTrusted()).toBe(false);
  });

  it('a comparison that fails is a problem, not an end', async () => {
    let isBroken = true;
    const recordedAt = async (): Promise<EpochMs> => {
      if (isBroken) throw new Error('no');
      return cluster.now();
    };
    const gateway = await cluster.running({ recordedAt });
    expect(gateway.problems[0]).toContain('could not be compared');
    isBroken = false;
    await cluster.pass(600);
    expect(gateway.membership.isClockTrusted()).toBe(true);
  });
});
