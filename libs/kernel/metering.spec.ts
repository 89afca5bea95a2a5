import fc from 'fast-check';
import type { CallBounds, Prices, TokenUsage } from './metering';
import { ceilingCost, ceilingTokens, costOf, NO_USAGE, totalTokens } from './metering';
import { nanoUsd, usd } from './money';

const price = fc.bigInt({ min: 0n, max: 10n ** 15n }).map(nanoUsd);
const prices: fc.Arbitrary<Prices> = fc.record({
  version: fc.constant(1),
  input: price,
  cachedInput: price,
  cacheWrite: price,
  output: price,
});
const tokens = fc.nat(100_000_000);
const usage: fc.Arbitrary<TokenUsage> = fc.record({
  input: tokens,
  cachedInput: tokens,
  cacheWrite: tokens,
  output: tokens,
});

/** Bounds of a call, and a usage that keeps within them in any split over the buckets. */
const boundedCalls: fc.Arbitrary<{ bounds: CallBounds; used: TokenUsage }> = fc
  .record({ inputTokensMax: tokens, outputTokensCap: fc.nat(1_000_000), outputsMax: fc.nat(100) })
  .chain(({ inputTokensMax, outputTokensCap, outputsMax }) =>
    fc
      .tuple(
        fc.nat(inputTokensMax),
        fc.nat(inputTokensMax),
        fc.nat(inputTokensMax),
        fc.nat(outputTokensCap * outputsMax),
      )
      .map(([a, b, c, output]) => {
        const [first = 0, second = 0, third = 0] = [a, b, c].sort((x, y) => x - y);
        return {
          bounds: {
            inputTokensMax,
            inputTokensEstimate: inputTokensMax,
            outputTokensCap,
            outputCapSource: 'client' as const,
            outputsMax,
          },
          used: { input: first, cachedInput: second - first, cacheWrite: third - second, output },
        };
      }),
  );

const list: Prices = {
  version: 1,
  input: usd('2.50'),
  cachedInput: usd('0.25'),
  cacheWrite: usd('3.125'),
  output: usd('10'),
};

describe('the cost of a call', () => {
  it('is the sum of its four buckets', () => {
    const used = { input: 1_000, cachedInput: 2_000, cacheWrite: 400, output: 500 };
    expect(costOf(used, list)).toBe(usd('0.00925')); // 0.0025 + 0.0005 + 0.00125 + 0.005
  });

  it('is nothing for nothing, and at least one nano-USD for anything that has a price', () => {
    expect(costOf(NO_USAGE, list)).toBe(0n);
    expect(costOf({ ...NO_USAGE, input: 1 }, { ...list, input: nanoUsd(1n) })).toBe(1n);
  });

  it('is rounded up once, by less than one nano-USD', () => {
    fc.assert(
      fc.property(usage, prices, (used, at) => {
        const exact =
          BigInt(used.input) * at.input +
          BigInt(used.cachedInput) * at.cachedInput +
          BigInt(used.cacheWrite) * at.cacheWrite +
          BigInt(used.output) * at.output;
        const rounding = costOf(used, at) * 1_000_000n - exact;
        expect(rounding >= 0n && rounding < 1_000_000n).toBe(true);
      }),
    );
  });

  it('never falls when more is used', () => {
    fc.assert(
      fc.property(usage, usage, prices, (used, more, at) => {
        const sum = {
          input: used.input + more.input,
          cachedInput: used.cachedInput + more.cachedInput,
          cacheWrite: used.cacheWrite + more.cacheWrite,
          output: used.output + more.output,
        };
        expect(costOf(sum, at) >= costOf(used, at)).toBe(true);
      }),
    );
  });
});

describe('the ceiling of a call', () => {
  it('holds every input token at its dearest bucket and every output at its cap', () => {
    const bounds: CallBounds = {
      inputTokensMax: 1_000,
      inputTokensEstimate: 250,
      outputTokensCap: 100,
      outputCapSource: 'default',
      outputsMax: 2,
    };
    expect(ceilingCost(bounds, bounds.outputTokensCap, list)).toBe(usd('0.005125')); // 0.003125 + 0.002
    expect(ceilingTokens(bounds, bounds.outputTokensCap)).toBe(1_200n);
  });

  it('covers whatever a call within its bounds can cost, at any prices: settling never breaks a budget', () => {
    fc.assert(
      fc.property(boundedCalls, prices, ({ bounds, used }, at) => {
        expect(costOf(used, at) <= ceilingCost(bounds, bounds.outputTokensCap, at)).toBe(true);
        expect(BigInt(totalTokens(used)) <= ceilingTokens(bounds, bounds.outputTokensCap)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is reached: a smaller one would not do', () => {
    fc.assert(
      fc.property(boundedCalls, prices, ({ bounds }, at) => {
        const dearest = (['input', 'cachedInput', 'cacheWrite'] as const).reduce((a, b) => (at[a] >= at[b] ? a : b));
        const most = {
          ...NO_USAGE,
          [dearest]: bounds.inputTokensMax,
          output: bounds.outputTokensCap * bounds.outputsMax,
        };
        expect(costOf(most, at)).toBe(ceilingCost(bounds, bounds.outputTokensCap, at));
      }),
    );
  });

  it('never rises when the cap is lowered', () => {
    fc.assert(
      fc.property(boundedCalls, prices, fc.nat(1_000_000), ({ bounds }, at, lower) => {
        fc.pre(lower <= bounds.outputTokensCap);
        expect(ceilingCost(bounds, lower, at) <= ceilingCost(bounds, bounds.outputTokensCap, at)).toBe(true);
      }),
    );
  });
});
