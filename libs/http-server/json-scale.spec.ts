import fc from 'fast-check';
import { JsonScale } from './json-scale';

const NO_LIMIT = { weightMax: Number.POSITIVE_INFINITY };

/** What a parsed value weighs, as the scale's rule is written. */
function weightOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  const members = Object.values(value);
  const inside = members.reduce<number>((sum, member) => sum + weightOf(member), 0);
  return 2 + inside + (Array.isArray(value) ? 0 : 3 * members.length);
}

function weigh(text: string, pieces: readonly number[] = []): number {
  const scale = new JsonScale(NO_LIMIT);
  let rest = Buffer.from(text);
  for (const size of pieces) {
    scale.take(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  scale.take(rest);
  return scale.weight;
}

describe('the weight of a JSON text', () => {
  it.each([
    ['1', 1],
    ['"[,:{"', 1],
    ['[1,2,3]', 5],
    ['{"a":1}', 6],
    ['{"a":1,"b":[]}', 12],
    ['"\\"', 1],
    ['{"a\\\\":"\\"[[["}', 6],
  ])('%s', (text, weight) => expect(weigh(text)).toBe(weight));

  it('is never less than what its values cost, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.integer({ min: 0, max: 60 })), fc.boolean(), (value, pieces, isWide) => {
        const text = JSON.stringify(value, undefined, isWide ? 2 : undefined);
        const whole = weigh(text);
        expect(weigh(text, pieces)).toBe(whole);
        // An empty array or object counts as if it held one value: nothing is looked at behind its bracket.
        expect(whole).toBeGreaterThanOrEqual(weightOf(JSON.parse(text)));
      }),
    );
  });

  it('of long strings and escapes is found at every split', () => {
    const text = JSON.stringify(['x'.repeat(100), '"\\'.repeat(40), `${'y'.repeat(70)}"[{,:`, { 'a"': '\\' }]);
    const whole = weigh(text);
    for (let split = 0; split <= text.length; split += 1) expect(weigh(text, [split])).toBe(whole);
  });

  it('that is too much is known before the text has ended', () => {
    const scale = new JsonScale({ weightMax: 1_000 });
    expect(scale.take(Buffer.from(`[${'1,'.repeat(900)}`))).toBeUndefined();
    expect(scale.take(Buffer.from('{},'.repeat(40)))).toBe('too-many-values');
  });

  it('a nesting that is too deep as well', () => {
    const scale = new JsonScale({ ...NO_LIMIT, depthMax: 3 });
    expect(scale.take(Buffer.from('[[[1]],[[]],"[[["'))).toBeUndefined();
    expect(scale.take(Buffer.from(',[[[]'))).toBe('too-deep');
  });
});
