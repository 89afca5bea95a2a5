import type { EpochMs } from '#kernel';
import { epochMs } from '#kernel';
import type { SecretFingerprint, SecretHash } from './hash';
import { sameHash } from './hash';

/** The old secret of a rotation lives at most 30 days longer. */
export const GRACE_SECONDS_MAX = 30 * 24 * 60 * 60;
export const GRACE_RULE = `graceSeconds is a whole number from 0 to ${GRACE_SECONDS_MAX} (30 days)`;

/** The secrets of one credential. At most two live at once: a further rotation ends the grace of the one before. */
export interface Secrets {
  readonly hash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  readonly previous?: { readonly hash: SecretHash; readonly graceEndsAt: EpochMs };
}

/** Which of a credential's secrets a presented one is; `lapsed`: the one before, after its grace. */
export type SecretMatch = 'current' | 'previous' | 'lapsed' | 'none';

/** Compares with both secrets every time, so that the time taken does not tell which of them matched. */
export function matchSecret(secrets: Secrets, presented: SecretHash, now: EpochMs): SecretMatch {
  const isCurrent = sameHash(secrets.hash, presented);
  const isPrevious = sameHash(secrets.previous?.hash ?? secrets.hash, presented);
  if (isCurrent) return 'current';
  if (!isPrevious || secrets.previous === undefined) return 'none';
  return now < secrets.previous.graceEndsAt ? 'previous' : 'lapsed';
}

/** When a grace that begins now ends; `undefined` when its length is not allowed. */
export function graceEnd(at: EpochMs, graceSeconds: number): EpochMs | undefined {
  const allowed = Number.isInteger(graceSeconds) && graceSeconds >= 0 && graceSeconds <= GRACE_SECONDS_MAX;
  return allowed ? epochMs(at + graceSeconds * 1_000) : undefined;
}

export interface RecordedRotation {
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  readonly previousSecretHash: SecretHash;
  readonly graceEndsAt: EpochMs;
}

export function rotated(rotation: RecordedRotation): Secrets {
  return {
    hash: rotation.secretHash,
    fingerprint: rotation.fingerprint,
    previous: { hash: rotation.previousSecretHash, graceEndsAt: rotation.graceEndsAt },
  };
}

/**
 * What a client that presents a secret is told. A secret that never was is `unknown` even on a revoked credential:
 * only who holds a real secret learns what became of it.
 */
export type SecretVerdict =
  | { readonly outcome: 'accepted'; readonly secret: 'current' | 'previous' }
  | { readonly outcome: 'revoked' | 'expired' | 'unknown' };

export interface Credential {
  readonly secrets: Secrets;
  readonly expiresAt?: EpochMs;
}

/** Revocation wins over expiry, for it is final; a rotated secret after its grace has expired. */
export function verdictOf(
  credential: Credential,
  revoked: boolean,
  presented: SecretHash,
  now: EpochMs,
): SecretVerdict {
  const match = matchSecret(credential.secrets, presented, now);
  if (match === 'none') return { outcome: 'unknown' };
  if (revoked) return { outcome: 'revoked' };
  if (match === 'lapsed' || hasExpired(credential, now)) return { outcome: 'expired' };
  return { outcome: 'accepted', secret: match };
}

export function hasExpired(credential: Pick<Credential, 'expiresAt'>, now: EpochMs): boolean {
  return credential.expiresAt !== undefined && now >= credential.expiresAt;
}
