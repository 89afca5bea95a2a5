import fc from 'fast-check';
import { epochMs, formatInstant, parseInstant } from './time';

describe('a moment', () => {
  it('is written in UTC with milliseconds', () => {
    expect(formatInstant(epochMs(1_767_225_600_007))).toBe('2026-01-01T00:00:00.007Z');
  });

  it('comes back from its own text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (at) =>
        expect(parseInstant(formatInstant(epochMs(at)))).toBe(at),
      ),
    );
  });

  it('is read with any offset', () => {
    expect(parseInstant('2026-01-01T01:00:00+01:00')).toBe(1_767_225_600_000);
    expect(parseInstant('2025-12-31T19:30:00.007-04:30')).toBe(1_767_225_600_007);
  });

  it('knows leap years', () => {
    expect(parseInstant('2028-02-29T00:00:00Z')).toBe(1_835_395_200_000);
    expect(parseInstant('2000-02-29T00:00:00Z')).toBe(951_782_400_000);
  });

  it.each([
    '',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-13-01T00:00:00Z',
    '2026-01-01 00:00:00Z',
    'now',
    '0',
    '2026-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
  ])('is not "%s"', (text) => expect(parseInstant(text)).toBeUndefined());
});
