import { clientNetwork } from './client-network';
import { TokenBuckets } from './token-buckets';

function buckets(bucketsMax = 100) {
  const clock = { ms: 0 };
  return { clock, buckets: new TokenBuckets({ perSecond: 10, burst: 3 }, bucketsMax, () => clock.ms) };
}

describe('a token bucket', () => {
  it('lets a burst pass, then a rate, and says how long to wait', () => {
    const { clock, buckets: some } = buckets();
    expect([some.take('a'), some.take('a'), some.take('a'), some.take('a')]).toEqual([0, 0, 0, 100]);
    clock.ms = 60;
    expect([some.waitMs('a'), some.take('a')]).toEqual([40, 40]);
    clock.ms = 100;
    expect([some.waitMs('a'), some.take('a'), some.take('a')]).toEqual([0, 0, 100]);
    clock.ms = 10_000;
    expect([some.take('a'), some.take('a'), some.take('a'), some.take('a')]).toEqual([0, 0, 0, 100]);
  });

  it('is one for each name', () => {
    const { buckets: some } = buckets();
    for (let i = 0; i < 10; i += 1) some.take('a');
    expect([some.waitMs('a'), some.waitMs('b'), some.take('b')]).toEqual([100, 0, 0]);
  });

  it('is not lowered by asking, nor by being refused', () => {
    const { buckets: some } = buckets();
    for (let i = 0; i < 10; i += 1) some.waitMs('a');
    expect(some.size).toBe(0);
    for (let i = 0; i < 10; i += 1) some.take('a');
    expect(some.waitMs('a')).toBe(100);
  });

  it('is in debt for what was let in while its outcome was not known yet, and lets nothing in before that is paid', () => {
    const { clock, buckets: some } = buckets();
    for (let i = 0; i < 3; i += 1) some.take('a');
    clock.ms = 100;
    // Five ask while there is one token; all of them turn out to cost one.
    expect(Array.from({ length: 5 }, () => some.waitMs('a'))).toEqual([0, 0, 0, 0, 0]);
    for (let i = 0; i < 5; i += 1) some.charge('a');
    expect(some.waitMs('a')).toBe(500);
    clock.ms = 599;
    expect(some.waitMs('a')).toBe(1);
    clock.ms = 600;
    expect(some.take('a')).toBe(0);
  });

  it.each([1, 7, 50])(
    'lets no more pass than burst, rate and those under way, however many ask at once (%i)',
    (atOnce) => {
      const { clock, buckets: some } = buckets();
      const underWay: number[] = [];
      let passed = 0;
      // Each is answered a second after it was let in.
      for (clock.ms = 0; clock.ms < 60_000; clock.ms += 10) {
        while ((underWay[0] ?? Number.POSITIVE_INFINITY) <= clock.ms - 1_000) {
          underWay.shift();
          some.charge('a');
        }
        while (underWay.length < atOnce && some.waitMs('a') === 0) {
          underWay.push(clock.ms);
          passed += 1;
        }
      }
      expect(passed).toBeLessThanOrEqual(3 + 600 + atOnce);
    },
  );

  it('is forgotten when there are too many, the longest unused first', () => {
    const { buckets: some } = buckets(2);
    for (let i = 0; i < 3; i += 1) some.take('a');
    for (let i = 0; i < 3; i += 1) some.take('b');
    some.take('a');
    some.take('c');
    expect([some.size, some.waitMs('a'), some.waitMs('b')]).toEqual([2, 100, 0]);
  });
});

describe('the network of a client', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['nonsense', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});
