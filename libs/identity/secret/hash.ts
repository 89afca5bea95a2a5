import { createHash, timingSafeEqual } from 'node:crypto';
import type { Branded } from '#kernel';

/** SHA-256 of a whole secret, 64 hexadecimal digits: all that is kept of it. */
export type SecretHash = Branded<string, 'SecretHash'>;
/** Eight hexadecimal digits by which people recognize a secret in lists and logs. */
export type SecretFingerprint = Branded<string, 'SecretFingerprint'>;

/** A plain hash suffices where a password would need a slow one: 178 random bits cannot be searched. */
export function hashSecret(secret: string): SecretHash {
  return createHash('sha256').update(secret, 'utf8').digest('hex') as SecretHash;
}

/** The hash's first eight digits: no part of the secret itself, so showing it gives nothing of the secret away. */
export function fingerprintOf(hash: SecretHash): SecretFingerprint {
  return hash.slice(0, 8) as SecretFingerprint;
}

const HASH = /^[0-9a-f]{64}$/;

/** Parses a hash that was made elsewhere; anything else is `undefined`. */
export function parseSecretHash(text: string): SecretHash | undefined {
  return HASH.test(text) ? (text as SecretHash) : undefined;
}

/** Compares in a time that does not depend on where two hashes differ. */
export function sameHash(a: SecretHash, b: SecretHash): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
