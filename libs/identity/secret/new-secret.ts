import type { SecretFingerprint, SecretHash } from './hash';
import { fingerprintOf, hashSecret } from './hash';
import type { SecretIds, SecretKind } from './scheme';
import { composeSecret } from './scheme';

/** A secret to show once, and what is kept of it. */
export interface NewSecret {
  readonly secret: string;
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
}

/** Makes the secret of a record from SECRET_RANDOM_BYTES random bytes. @throws RangeError as composeSecret does. */
export function newSecret<K extends SecretKind>(kind: K, id: SecretIds[K], random: Uint8Array): NewSecret {
  const secret = composeSecret(kind, id, random);
  const secretHash = hashSecret(secret);
  return { secret, secretHash, fingerprint: fingerprintOf(secretHash) };
}
