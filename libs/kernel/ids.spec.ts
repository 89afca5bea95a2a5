import fc from 'fast-check';
import type { IdPrefix } from './ids';
import { composeEventId, composeId, parseEventId, parseId } from './ids';

const prefixes = fc.constantFrom<IdPrefix>(
  'org',
  'prj',
  'team',
  'sa',
  'mem',
  'key',
  'tok',
  'bgt',
  'bkd',
  'req',
  'boot',
);
const times = fc.nat(2 ** 48 - 1);
const randoms = fc.uint8Array({ minLength: 10, maxLength: 10 });
const zeros = new Uint8Array(10);
const ones = new Uint8Array(10).fill(255);

describe('an id', () => {
  it('says what it names, when it was made, and 80 random bits', () => {
    // The time is the one of the ULID specification's own example.
    expect(composeId('key', 1_469_918_176_385, zeros)).toBe('key_01aryz6s410000000000000000');
    expect(composeId('org', 0, ones)).toBe('org_0000000000zzzzzzzzzzzzzzzz');
  });

  it('is read back as what it is, and as nothing else', () => {
    fc.assert(
      fc.property(prefixes, prefixes, times, randoms, (prefix, other, at, random) => {
        const id = composeId(prefix, at, random);
        expect(parseId(prefix, id)).toBe(id);
        if (other !== prefix) expect(parseId(other, id)).toBeUndefined();
      }),
    );
  });

  it('sorts by age', () => {
    fc.assert(
      fc.property(times, times, randoms, randoms, (a, b, x, y) => {
        fc.pre(a < b);
        expect(composeId('req', a, x) < composeId('req', b, y)).toBe(true);
      }),
    );
  });

  it('differs wherever the random bits differ', () => {
    fc.assert(
      fc.property(fc.nat(79), (bit) => {
        const flipped = Uint8Array.from(zeros);
        flipped[Math.floor(bit / 8)] = 1 << (bit % 8);
        expect(composeId('req', 0, flipped)).not.toBe(composeId('req', 0, zeros));
      }),
    );
  });

  it.each([
    ['', 'is empty'],
    ['org_', 'has no body'],
    ['org_01aryz6s41000000000000000', 'is short'],
    ['org_01aryz6s4100000000000000000', 'is long'],
    ['org_01ARYZ6S410000000000000000', 'is in capitals'],
    ['org_01aryz6s41000000000000000i', 'holds a letter that is easily misread'],
    ['org-01aryz6s410000000000000000', 'has another separator'],
    ['org_01aryz6s410000000000000000\n', 'has a line end'],
  ])('is not "%s": it %s', (text) => expect(parseId('org', text)).toBeUndefined());

  it('cannot be made from too little randomness', () => {
    expect(() => composeId('org', 0, new Uint8Array(9))).toThrow(RangeError);
  });
});

describe('the id of an event', () => {
  it('is a UUID of version 7', () => {
    // The example of RFC 9562, appendix A.6.
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
    expect(composeEventId(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('is read back, and sorts by age', () => {
    fc.assert(
      fc.property(times, times, randoms, (a, b, random) => {
        const id = composeEventId(a, random);
        expect(parseEventId(id)).toBe(id);
        if (a < b) expect(id < composeEventId(b, zeros)).toBe(true);
      }),
    );
  });

  it('is nothing else', () => {
    for (const text of ['', '017f22e2-79b0-7cc3-18c4-dc0c0c07398f', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F'])
      expect(parseEventId(text)).toBeUndefined();
    expect(() => composeEventId(0, new Uint8Array(9))).toThrow(RangeError);
  });
});
