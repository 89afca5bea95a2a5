import { epochMs } from '#kernel';
import { hashSecret } from './hash';
import type { Secrets } from './rotation';
import { GRACE_SECONDS_MAX, graceEnd, matchSecret, verdictOf } from './rotation';

const NOW = epochMs(1_767_225_600_000);
const GRACE_END = epochMs(NOW + 60_000);
const [fresh, old, stranger] = [hashSecret('fresh'), hashSecret('old'), hashSecret('stranger')];
const secrets: Secrets = {
  hash: fresh,
  fingerprint: 'f' as Secrets['fingerprint'],
  previous: { hash: old, graceEndsAt: GRACE_END },
};

describe('the secrets of one credential', () => {
  it('tells the current, the previous and a foreign one apart', () => {
    expect(matchSecret(secrets, fresh, NOW)).toBe('current');
    expect(matchSecret(secrets, old, NOW)).toBe('previous');
    expect(matchSecret(secrets, stranger, NOW)).toBe('none');
  });

  it('lets the previous one lapse at the very moment at which its grace ends', () => {
    expect(matchSecret(secrets, old, epochMs(GRACE_END - 1))).toBe('previous');
    expect(matchSecret(secrets, old, GRACE_END)).toBe('lapsed');
  });

  it('knows no previous one before the first rotation', () => {
    const { previous: _, ...never } = secrets;
    expect(matchSecret(never, old, NOW)).toBe('none');
    expect(matchSecret(never, fresh, NOW)).toBe('current');
  });
});

describe('a verdict', () => {
  const credential = { secrets, expiresAt: epochMs(NOW + 1_000) };
  const outcome = (hash = fresh, { revoked = false, now = NOW } = {}) =>
    verdictOf(credential, revoked, hash, now).outcome;

  it('accepts what is alive, and says which secret it was', () => {
    expect(verdictOf(credential, false, fresh, NOW)).toEqual({ outcome: 'accepted', secret: 'current' });
    expect(verdictOf(credential, false, old, NOW)).toEqual({ outcome: 'accepted', secret: 'previous' });
  });

  it('says nothing to strangers, whatever became of the credential', () => {
    expect(outcome(stranger)).toBe('unknown');
    expect(outcome(stranger, { revoked: true })).toBe('unknown');
    expect(outcome(stranger, { now: epochMs(NOW + 9_999) })).toBe('unknown');
  });

  it('expires at the very moment it was to expire, with both secrets', () => {
    expect(outcome(fresh, { now: epochMs(NOW + 999) })).toBe('accepted');
    expect(outcome(fresh, { now: epochMs(NOW + 1_000) })).toBe('expired');
    expect(outcome(old, { now: epochMs(NOW + 1_000) })).toBe('expired');
  });

  it('lets revocation win over expiry', () => {
    expect(outcome(fresh, { revoked: true, now: epochMs(NOW + 9_999) })).toBe('revoked');
    expect(outcome(old, { revoked: true, now: epochMs(NOW + 99_999) })).toBe('revoked');
  });
});

describe('a grace', () => {
  it('is 0 seconds to 30 days', () => {
    expect(graceEnd(NOW, 0)).toBe(NOW);
    expect(graceEnd(NOW, GRACE_SECONDS_MAX)).toBe(NOW + 30 * 24 * 60 * 60 * 1_000);
  });

  it.each([-1, 0.5, GRACE_SECONDS_MAX + 1, Number.NaN, Number.POSITIVE_INFINITY])('is never %d seconds', (seconds) =>
    expect(graceEnd(NOW, seconds)).toBeUndefined(),
  );
});
