import fc from 'fast-check';
import { ceilDiv, formatUsd, maxBigint, minBigint, nanoUsd, parseUsd, usd } from './money';

const amounts = fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }).map(nanoUsd);
const naturals = fc.bigInt({ min: 0n, max: 10n ** 30n });

describe('money', () => {
  it.each([
    ['0', 0n],
    ['3', 3_000_000_000n],
    ['0.000012345', 12_345n],
    ['-1.5', -1_500_000_000n],
    ['0.000000001', 1n],
    ['007.10', 7_100_000_000n],
  ])('reads %s USD as %d nano-USD', (text, amount) => expect(parseUsd(text)).toBe(amount));

  it.each(['', '.', '.5', '5.', '+1', '1e3', '1,000', '0.0000000001', ' 1', '1 ', 'NaN', '--1', '1'.repeat(19)])(
    'does not read "%s"',
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
      expect(() => usd(text)).toThrow(RangeError);
    },
  );

  it('writes no more digits than needed', () => {
    expect(formatUsd(nanoUsd(12_345n))).toBe('0.000012345');
    expect(formatUsd(nanoUsd(3_000_000_000n))).toBe('3');
    expect(formatUsd(nanoUsd(-1_500_000_000n))).toBe('-1.5');
    expect(formatUsd(nanoUsd(0n))).toBe('0');
  });

  it('comes back exactly from its own text', () => {
    fc.assert(fc.property(amounts, (amount) => expect(parseUsd(formatUsd(amount))).toBe(amount)));
  });
});

describe('arithmetic of whole numbers', () => {
  it('rounds up by less than one', () => {
    fc.assert(
      fc.property(naturals, fc.bigInt({ min: 1n, max: 10n ** 12n }), (dividend, divisor) => {
        const excess = ceilDiv(dividend, divisor) * divisor - dividend;
        expect(excess >= 0n && excess < divisor).toBe(true);
      }),
    );
  });

  it('finds the greatest and the least', () => {
    fc.assert(
      fc.property(naturals, fc.array(naturals), (first, rest) => {
        const sorted = [first, ...rest].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        expect(minBigint(first, ...rest)).toBe(sorted[0]);
        expect(maxBigint(first, ...rest)).toBe(sorted.at(-1));
      }),
    );
  });
});
