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

  it.each(['', '2026-01-01', '2026-01-01T00:00:00', '2026-13-01T00:00:00Z', '2026-01-01 00:00:00Z', 'now', '0'])(
    'is not "%s"',
    (text) => expect(parseInstant(text)).toBeUndefined(),
  );
});
