import fc from 'fast-check';
import { NESTING_MAX, TextMeter, utf8Bytes } from './text-bytes';

function nested(levels: number): unknown {
  let value: unknown = 'x';
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
}

function metered(value: unknown): TextMeter {
  const meter = new TextMeter();
  meter.json(value);
  return meter;
}

describe('utf8Bytes', () => {
  it('counts what UTF-8 takes, for short texts and long ones', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => {
        expect(utf8Bytes(text)).toBe(text.isWellFormed() ? Buffer.byteLength(text) : -1);
      }),
    );
  });

  it.each(['\ud800', 'x\udc00', `${'long '.repeat(20)}\ud83d`])('finds the lone surrogate in %j', (text) => {
    expect(utf8Bytes(text)).toBe(-1);
  });
});

describe('TextMeter', () => {
  it('counts JSON at least as long as its compact text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), (value) => {
        const meter = metered(value);
        if (meter.fault === undefined)
          expect(meter.bytes).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(value)));
      }),
    );
    const schema = {
      type: 'object',
      properties: { city: { type: 'string', description: `a "name"\n${'x'.repeat(60)}\n` } },
    };
    // No more than a comma too many per container.
    expect(metered(schema).bytes - JSON.stringify(schema).length).toBeLessThanOrEqual(8);
  });

  it('finds a lone surrogate in a key, and in what it only checks', () => {
    expect(metered({ '\ud800': 1 }).fault).toBe('invalid-unicode');
    const meter = new TextMeter();
    meter.check({ url: '\udfff' });
    expect(meter).toMatchObject({ fault: 'invalid-unicode', bytes: 0 });
  });

  it('goes no deeper than its limit, however deep the value', () => {
    expect(metered(nested(NESTING_MAX)).fault).toBeUndefined();
    expect(metered(nested(NESTING_MAX + 1)).fault).toBe('nesting-too-deep');
    expect(metered(nested(100_000)).fault).toBe('nesting-too-deep');
  });
});
