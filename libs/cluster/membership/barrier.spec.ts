import { type TestCluster as Cluster, TestCluster, type TestGateway } from './spec-kit';

let cluster: Cluster;
beforeEach(() => {
  cluster = new TestCluster();
});

function ask({ membership }: TestGateway) {
  const asked: { answer: boolean | undefined } = { answer: undefined };
  void membership.barrier().then((answer) => {
    asked.answer = answer;
  });
  return asked;
}

describe('a barrier', () => {
  it('is passed as soon as what was recorded before it is known, long before the next beat', async () => {
    const gateway = await cluster.running();
    await cluster.pass(150);
    const asked = ask(gateway);
    await cluster.pass(5);
    expect(asked.answer).toBe(true);
  });

  it('is not passed by a beat that was sent before it', async () => {
    const gateway = await cluster.running();
    gateway.arrivesAfterMs = 50;
    gateway.deaf(true);
    await cluster.pass(500);
    const asked = ask(gateway);
    gateway.deaf(false);
    await cluster.pass(1);
    expect(asked.answer).toBeUndefined();
    await cluster.pass(300);
    expect(asked.answer).toBe(true);
  });

  it('costs one beat, however many ask at once', async () => {
    const gateway = await cluster.running();
    await cluster.pass(150);
    const before = gateway.appends;
    const asked = Array.from({ length: 100 }, () => ask(gateway));
    await cluster.pass(20);
    expect(asked.every(({ answer }) => answer === true)).toBe(true);
    expect(gateway.appends - before).toBeLessThanOrEqual(2);
  });

  it('is given up where the store is away, and beats go on in their time', async () => {
    const gateway = await cluster.running();
    gateway.fault = 'unavailable';
    const before = gateway.appends;
    const asked = ask(gateway);
    await cluster.pass(2_100);
    expect(asked.answer).toBe(false);
    expect(gateway.appends - before).toBeLessThanOrEqual(6);
    gateway.fault = 'fine';
    await cluster.pass(1_000);
    expect(gateway.membership.isFresh()).toBe(true);
  });
});
