import fc from 'fast-check';
import type { ApiKeyId } from '#kernel';
import { composeId, parseId } from '#kernel';
import { fingerprintOf, hashSecret, parseSecretHash, sameHash } from './hash';
import { newSecret } from './new-secret';
import { composeSecret, looksLikeSecret, parseSecret, SECRET_RANDOM_BYTES } from './scheme';

const keyId = 'key_01k00000000000000000000000' as ApiKeyId;
const counting = Uint8Array.from({ length: SECRET_RANDOM_BYTES }, (_, i) => i);
const SECRET = 'aiaas_live_01k00000000000000000000000_0123456789ABCDEFGHIJKLMNOPQRST';

const bytes = fc.uint8Array({ minLength: SECRET_RANDOM_BYTES, maxLength: SECRET_RANDOM_BYTES }).map((random) => {
  random.set(counting.subarray(0, 30), 34); // Even the unluckiest draw leaves thirty usable bytes.
  return random;
});
const kinds = fc.constantFrom('live', 'test', 'sys', 'pat');

describe('the form of a secret', () => {
  it('is prefix, kind, id, 30 random characters and a checksum', () => {
    const secret = composeSecret('live', keyId, counting);
    expect(secret).toMatch(/^aiaas_live_01k0{23}_[0-9A-Za-z]{30}[0-9A-Za-z]{6}$/);
    expect(secret.slice(0, -6)).toBe(SECRET);
    expect(secret.length).toBe(74);
  });

  it('stays the same for ever: secrets are out there', () => {
    expect(composeSecret('live', keyId, counting)).toBe(`${SECRET}41lFZa`);
  });

  it('is read back without a lookup', () => {
    fc.assert(
      fc.property(kinds, fc.nat(2 ** 47), bytes, (kind, at, random) => {
        const id = kind === 'live' || kind === 'test' ? composeId('key', at, random) : composeId('tok', at, random);
        const secret = composeSecret(kind, id as never, random);
        expect(parseSecret(secret)).toEqual({ ok: true, kind, id });
        expect(looksLikeSecret(secret)).toBe(true);
      }),
    );
  });

  it('betrays any one changed character by its checksum or its form', () => {
    const secret = composeSecret('live', keyId, counting);
    fc.assert(
      fc.property(fc.nat(secret.length - 1), fc.constantFrom(...'0aAzZ_9k'), (at, character) => {
        fc.pre(secret[at] !== character);
        expect(parseSecret(`${secret.slice(0, at)}${character}${secret.slice(at + 1)}`).ok).toBe(false);
      }),
    );
  });

  it('tells a mistyped secret from what is none', () => {
    const secret = composeSecret('test', keyId, counting);
    const swapped = `${secret.slice(0, 40)}${secret[41]}${secret[40]}${secret.slice(42)}`;
    expect(parseSecret(swapped)).toEqual({ ok: false, reason: 'checksum' });
    for (const text of ['', 'sk-abc', secret.slice(0, -1), `${secret} `, `${secret}\n`, secret.toUpperCase()])
      expect(parseSecret(text)).toEqual({ ok: false, reason: 'malformed' });
  });

  it('passes over bytes that would favour some characters', () => {
    const random = new Uint8Array(SECRET_RANDOM_BYTES).fill(255, 0, 20);
    expect(composeSecret('live', keyId, random)).toContain(`_${'0'.repeat(30)}`);
    const tally = new Map<string, number>();
    for (let byte = 0; byte < 256; byte += 1) {
      const drawn = new Uint8Array(SECRET_RANDOM_BYTES);
      drawn[0] = byte;
      drawn.fill(61, 1); // A marker: 'z' stands where the first byte was passed over.
      const first = composeSecret('live', keyId, drawn).charAt(38);
      tally.set(first, (tally.get(first) ?? 0) + 1);
    }
    expect(tally.size).toBe(62);
    expect(tally.get('z')).toBe(4 + 8);
    tally.delete('z');
    expect(new Set(tally.values())).toEqual(new Set([4]));
  });

  it('throws when the bytes cannot come from a random source', () => {
    expect(() => composeSecret('live', keyId, new Uint8Array(SECRET_RANDOM_BYTES - 1))).toThrow(RangeError);
    expect(() => composeSecret('live', keyId, new Uint8Array(SECRET_RANDOM_BYTES).fill(255))).toThrow(RangeError);
  });

  it('refuses an id of another kind in its place', () => {
    expect(parseId('tok', keyId)).toBeUndefined();
    expect(parseSecret(composeSecret('live', keyId, counting))).toMatchObject({ kind: 'live', id: keyId });
  });
});

describe('what is kept of a secret', () => {
  const { secret, secretHash, fingerprint } = newSecret('live', keyId, counting);

  it('is its SHA-256 and the first eight digits of that', () => {
    expect(secretHash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashSecret(secret)).toBe(secretHash);
    expect(fingerprint).toBe(secretHash.slice(0, 8));
    expect(fingerprintOf(secretHash)).toBe(fingerprint);
    // The published test vector of SHA-256 for "abc".
    expect(hashSecret('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('is compared in full', () => {
    const otherEnd = parseSecretHash(`${secretHash.slice(0, -1)}${secretHash.endsWith('0') ? '1' : '0'}`);
    expect(otherEnd).toBeDefined();
    expect(sameHash(secretHash, secretHash)).toBe(true);
    expect(sameHash(secretHash, otherEnd ?? secretHash)).toBe(false);
    expect(sameHash(secretHash, secretHash.slice(1) as typeof secretHash)).toBe(false);
    expect(parseSecretHash('abc')).toBeUndefined();
  });
});
