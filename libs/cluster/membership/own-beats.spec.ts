import { gatewayCodec, gatewayStream } from './events';
import { Membership } from './membership';
import { newBootId, newEventId, TestCluster, type TestGateway } from './spec-kit';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});

const typesOf = async (gateway: TestGateway) => (await gateway.written()).map(({ type }) => type);

describe('what a gateway writes', () => {
  it('says that it started, then beats, then says that it stopped', async () => {
    const gateway = await cluster.running();
    await gateway.membership.stop();
    await cluster.pass(5_000);

    const written = await gateway.written();
    const [started, beat] = written.map((stored) => gatewayCodec.decode(stored)?.event);
    const { bootId } = gateway;
    const peerUrl = `http://${bootId}`;
    expect(started).toEqual({ type: 'GatewayStarted', data: { bootId, peerUrl, version: '1.0.0' } });
    expect(beat).toEqual({ type: 'GatewayBeat', data: { bootId, peerUrl } });
    expect(written.map(({ type }) => type)).toEqual([
      'GatewayStarted',
      ...Array.from({ length: 5 }, () => 'GatewayBeat'),
      'GatewayStopped',
    ]);
    expect(gateway.problems).toEqual([]);
  });

  it('never has two appends under way, however slow the store is', async () => {
    const gateway = await cluster.running();
    gateway.answersAfterMs = 3_000;
    await cluster.pass(500);
    const before = gateway.appends;
    await cluster.pass(2_800);
    expect(gateway.appends).toBe(before);
    await cluster.pass(3_000);
    expect(gateway.appends).toBe(before + 1);
  });

  it.each(['answer-lost', 'request-lost'] as const)(
    'repeats a beat whose outcome is unknown (%s), so that none is written twice',
    async (fault) => {
      const gateway = await cluster.running();
      gateway.fault = fault;
      await cluster.pass(3_000);
      gateway.fault = 'fine';
      await cluster.pass(1_000);

      const written = await gateway.written();
      expect(new Set(written.map(({ id }) => id)).size).toBe(written.length);
      expect(gateway.problems).toEqual(['the beat of this gateway could not be recorded; trying again']);
      expect(gateway.membership.isFresh()).toBe(true);
    },
  );

  it('starts as soon as the store is there', async () => {
    const gateway = cluster.gateway();
    gateway.fault = 'unavailable';
    let isStarted = false;
    const starting = gateway.membership.start().then(() => {
      isStarted = true;
    });
    await cluster.pass(5_000);
    expect(isStarted).toBe(false);
    gateway.fault = 'fine';
    await cluster.pass(600);
    await starting;
    expect((await typesOf(gateway))[0]).toBe('GatewayStarted');
  });

  it('gives up when another process writes its stream', async () => {
    const gateway = await cluster.running();
    expect(gateway.membership.leaseHolds()).toBe(true);
    const event = { type: 'GatewayBeat', data: { bootId: gateway.bootId, peerUrl: '' } } as const;
    const metadata = { actor: { type: 'system', id: 'thief' }, at: cluster.now() } as const;
    const stolen = gatewayCodec.encode({ id: newEventId(), event, metadata });
    await cluster.store.append(gatewayStream(gateway.bootId), 'any', [stolen]);
    await cluster.pass(600);
    expect(gateway.problems.join()).toContain('restart this gateway');
    expect(gateway.membership.leaseHolds()).toBe(false);
  });

  it('a start that meets a stream of its own name is refused, not repeated for ever', async () => {
    const first = await cluster.running();
    const second = cluster.gateway({ bootId: first.bootId });
    await expect(second.membership.start()).rejects.toThrow('another process writes');
  });

  it('stopping is bounded when the store is away, and ends a start that waits', async () => {
    const gateway = cluster.gateway();
    gateway.fault = 'request-lost';
    const starting = gateway.membership.start().catch((error: Error) => error.message);
    await cluster.pass(1_000);
    let isStopped = false;
    void gateway.membership.stop().then(() => {
      isStopped = true;
    });
    expect(await starting).toContain('stopped before');
    await cluster.pass(1_900);
    expect(isStopped).toBe(false);
    await cluster.pass(200);
    expect(isStopped).toBe(true);
    const { appends } = gateway;
    await cluster.pass(5_000);
    expect(gateway.appends).toBe(appends);
  });

  it('stops after a beat that was in doubt, which it settles first', async () => {
    const gateway = await cluster.running();
    gateway.fault = 'request-lost';
    await cluster.pass(600);
    void gateway.membership.stop();
    await cluster.pass(100);
    gateway.fault = 'fine';
    await cluster.pass(1_000);
    expect((await typesOf(gateway)).slice(-2)).toEqual(['GatewayBeat', 'GatewayStopped']);
  });

  it('lets an adapter limit the stream once, and lives on when that fails', async () => {
    const limited: string[] = [];
    const gateway = await cluster.running({
      limitHistory: async (stream) => {
        limited.push(stream);
        throw new Error('no');
      },
    });
    expect(limited).toEqual([gatewayStream(gateway.bootId)]);
    expect(gateway.problems).toEqual(['the stream of this gateway could not be limited and will grow until it stops']);
    expect(gateway.membership.leaseHolds()).toBe(true);
  });

  it('refuses settings under which a lease would prove nothing', () => {
    const withSettings = (settings: object) => () => cluster.gateway({ settings }).membership;
    expect(withSettings({ marginMs: 2_000 })).toThrow('marginMs (2000) must exceed freshMsMax (2000)');
    expect(withSettings({ beatMs: 1_500 })).toThrow('at least two beats');
    expect(withSettings({ leaseMs: 6_000 })).toThrow('leaseMs (6000)');
    expect(withSettings({ leaseMs: 7_000 })()).toBeInstanceOf(Membership);
    expect(newBootId()).not.toBe(newBootId());
  });
});

describe("a gateway's own lease", () => {
  it('begins freshMsMax after the start is recorded: by then everybody who may call it dead has heard of it', async () => {
    const gateway = cluster.gateway();
    expect(gateway.membership.leaseHolds()).toBe(false);
    void gateway.membership.start();
    await cluster.pass(1_900);
    expect(gateway.membership.leaseHolds()).toBe(false);
    await cluster.pass(200);
    expect(gateway.membership.leaseHolds()).toBe(true);
  });

  it('ends ten seconds after the last acknowledged beat was sent, and comes back only after freshMsMax', async () => {
    const gateway = await cluster.running();
    gateway.fault = 'unavailable';
    await cluster.pass(9_400);
    expect(gateway.membership.leaseHolds()).toBe(true);
    await cluster.pass(700);
    expect(gateway.membership.leaseHolds()).toBe(false);
    gateway.fault = 'fine';
    await cluster.pass(1_500);
    expect(gateway.membership.leaseHolds()).toBe(false);
    await cluster.pass(1_200);
    expect(gateway.membership.leaseHolds()).toBe(true);
  });

  it('counts a slow beat from when it was first sent, not from when it was acknowledged', async () => {
    const gateway = await cluster.running();
    gateway.answersAfterMs = 10_500;
    await cluster.pass(10_900);
    expect(gateway.membership.leaseHolds()).toBe(false);
  });

  it('is lost by a pause at once, before anything else can run', async () => {
    const gateway = await cluster.running();
    gateway.freezer.isFrozen = true;
    await cluster.pass(10_100);
    expect(gateway.membership.leaseHolds()).toBe(false);
    gateway.freezer.thaw();
    await cluster.pass(300);
    expect(gateway.membership.leaseHolds()).toBe(false);
    await cluster.pass(2_300);
    expect(gateway.membership.leaseHolds()).toBe(true);
  });

  it('is lost when the machine was suspended, during which the monotonic clock stands still', async () => {
    const gateway = await cluster.running();
    cluster.time.jump(10_000);
    expect(gateway.membership.leaseHolds()).toBe(false);
  });

  it('survives a wall clock that is set back', async () => {
    const gateway = await cluster.running();
    cluster.time.jump(-3_600_000);
    expect(gateway.membership.leaseHolds()).toBe(true);
    gateway.fault = 'unavailable';
    await cluster.pass(10_100);
    expect(gateway.membership.leaseHolds()).toBe(false);
  });

  it('ends with the stop', async () => {
    const gateway = await cluster.running();
    void gateway.membership.stop();
    expect(gateway.membership.leaseHolds()).toBe(false);
    expect(gateway.membership.isAlive(gateway.bootId)).toBe(false);
    expect(gateway.membership.isEldest()).toBe(false);
  });
});
