import * as fc from 'fast-check';
import { EMPTY_HISTOGRAM, HISTOGRAM_BUCKETS, HISTOGRAM_VALUE_MAX, Histogram, histogramOf } from './histogram';

const milliseconds = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: HISTOGRAM_VALUE_MAX }));

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('a histogram', () => {
  it('answers every quantile within 1/32 of the exact one', () => {
    fc.assert(
      fc.property(
        fc.array(milliseconds, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const exact = [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0;
          const answered = of(values).quantile(share) ?? Number.NaN;
          expect(Math.abs(answered - exact)).toBeLessThanOrEqual(exact / 32);
        },
      ),
    );
  });

  it('adds up like its values, also when encoded texts are put one after the other', () => {
    fc.assert(
      fc.property(fc.array(milliseconds), fc.array(milliseconds), (left, right) => {
        const both = of([...left, ...right]).encode();
        const text = of(left).encode() + of(right).encode();
        expect(Histogram.decode(text).encode()).toBe(both);
      }),
    );
  });

  it('of one value is made without counting', () => {
    fc.assert(fc.property(milliseconds, (value) => expect(histogramOf(value)).toBe(of([value]).encode())));
  });

  it('gives out again what was taken in', () => {
    const histogram = of([5, 900]).record(5, -1).record(900, -1);
    expect(histogram.encode()).toBe(EMPTY_HISTOGRAM);
    expect(histogram.quantile(0.5)).toBeUndefined();
  });

  it('counts what is beyond its range as the largest value, and nothing as less than zero', () => {
    expect(HISTOGRAM_BUCKETS).toBeLessThan(36 * 36);
    expect(of([Number.MAX_SAFE_INTEGER]).encode()).toBe(of([HISTOGRAM_VALUE_MAX]).encode());
    expect(of([-5]).encode()).toBe(of([0]).encode());
  });

  it('refuses a text that is no histogram', () => {
    expect(() => Histogram.decode('!!1,')).toThrow(RangeError);
  });
});
