import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { CanonicalizationError, canonicalJson } from './canonical-json';

const VECTORS = join(__dirname, '../../test/vectors/jcs');

/** JSON has one zero only. */
const jsonValue = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('canonical JSON', () => {
  const files = readdirSync(join(VECTORS, 'input'));

  it('has public vectors to be held against', () => expect(files).toHaveLength(6));

  it.each(files)('writes the bytes that RFC 8785 prescribes for %s', (file) => {
    const input: unknown = JSON.parse(readFileSync(join(VECTORS, 'input', file), 'utf8'));
    const output = readFileSync(join(VECTORS, 'output', file));
    expect(Buffer.from(canonicalJson(input)).equals(output)).toBe(true);
  });

  it('loses nothing', () => {
    fc.assert(fc.property(jsonValue, (value) => expect(JSON.parse(canonicalJson(value))).toEqual(value)));
  });

  it('is the same whatever the order of keys', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.integer()), { selector: ([key]) => key });
    fc.assert(
      fc.property(entries, (pairs) => {
        const backwards = Object.fromEntries([...pairs].reverse());
        expect(canonicalJson(backwards)).toBe(canonicalJson(Object.fromEntries(pairs)));
      }),
    );
  });

  it('sorts keys by UTF-16 units, as JavaScript does and Unicode does not', () => {
    expect(canonicalJson({ '\ufb33': 1, '😀': 2, a: 3 })).toBe('{"a":3,"😀":2,"\ufb33":1}');
  });

  it('writes 64-bit integers and money as decimal strings, which every reader gets exactly', () => {
    expect(canonicalJson({ limit: 9_223_372_036_854_775_807n, spent: -1n })).toBe(
      '{"limit":"9223372036854775807","spent":"-1"}',
    );
  });

  it('leaves out what is undefined, and writes null', () => {
    expect(canonicalJson({ a: undefined, b: null, c: 1 })).toBe('{"b":null,"c":1}');
    expect(canonicalJson({ a: undefined })).toBe('{}');
  });

  it('takes objects without a prototype, and a key that is called like one', () => {
    expect(canonicalJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1}}');
  });

  it.each<[string, unknown]>([
    ['a lone surrogate', { text: '\ud800' }],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a number that is none', { cost: Number.NaN }],
    ['an endless number', [Number.POSITIVE_INFINITY]],
    ['a hole in an array', new Array(1)],
    ['undefined in an array', [undefined]],
    ['undefined alone', undefined],
    ['a date', { at: new Date(0) }],
    ['a map', new Map()],
    ['an instance of a class', new (class Money {})()],
    ['a function', { run: () => 1 }],
    ['a symbol', Symbol('a')],
  ])('refuses %s', (_, value) => expect(() => canonicalJson(value)).toThrow(CanonicalizationError));
});
