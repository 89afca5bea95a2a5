import type { MemberId, OrganizationId, SystemTokenId } from '#kernel';
import { epochMs } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { Name } from '../names';
import type { SecretHash } from '../secret';
import { fingerprintOf, hashSecret, SECRET_RANDOM_BYTES } from '../secret';
import type { IssueSystemToken, RotateSystemToken } from './decider';
import { isLastingAdministrator, systemTokenDecider, verifySystemToken } from './decider';
import type { SystemTokenEvent, SystemTokenHolder, SystemTokenIssued } from './events';
import { newSystemTokenSecret, parseSystemTokenSecret } from './secret';

const NOW = epochMs(1_767_225_600_000);
const later = (ms: number) => epochMs(NOW + ms);
const tokenId = 'tok_01k00000000000000000000000' as SystemTokenId;
const administrator: SystemTokenHolder = { type: 'system', id: 'bootstrap' };
const [first, second] = [hashSecret('first'), hashSecret('second')];

const issue = (change: Partial<IssueSystemToken> = {}): IssueSystemToken => ({
  type: 'IssueSystemToken',
  at: NOW,
  tokenId,
  holder: administrator,
  name: 'Bootstrap',
  secretHash: first,
  fingerprint: fingerprintOf(first),
  ...change,
});
const rotate = (secretHash: SecretHash, change: Partial<RotateSystemToken> = {}): RotateSystemToken => ({
  type: 'RotateSystemToken',
  at: NOW,
  secretHash,
  fingerprint: fingerprintOf(secretHash),
  graceSeconds: 60,
  ...change,
});
const revoke = (reason = 'It leaked.') => ({ type: 'RevokeSystemToken' as const, reason });

const issued = (change: Partial<SystemTokenIssued> = {}): SystemTokenEvent => ({
  type: 'SystemTokenIssued',
  data: {
    tokenId,
    holder: administrator,
    name: 'Bootstrap' as Name,
    secretHash: first,
    fingerprint: fingerprintOf(first),
    ...change,
  },
});
const rotatedToSecond: SystemTokenEvent = {
  type: 'SystemTokenRotated',
  data: {
    tokenId,
    secretHash: second,
    fingerprint: fingerprintOf(second),
    previousSecretHash: first,
    graceEndsAt: later(60_000),
  },
};
const revoked: SystemTokenEvent = { type: 'SystemTokenRevoked', data: { tokenId, reason: 'It leaked.' } };

describe('the life of a system token', () => {
  it('begins with its issuance', () => {
    given(systemTokenDecider).when(issue()).then(issued()).andNothingWhenRepeated();
    given(systemTokenDecider)
      .when(issue({ expiresAt: later(1) }))
      .then(issued({ expiresAt: later(1) }));
    given(systemTokenDecider, issued(), rotatedToSecond, revoked).when(issue()).thenNothing();
  });

  it('cannot begin twice, without a name or after its end', () => {
    given(systemTokenDecider, issued())
      .when(issue({ name: 'Other' }))
      .thenRefused('token_exists');
    given(systemTokenDecider)
      .when(issue({ name: '' }))
      .thenRefused('invalid_name');
    given(systemTokenDecider)
      .when(issue({ expiresAt: NOW }))
      .thenRefused('invalid_expiry');
  });

  it('goes on with another secret after a rotation', () => {
    given(systemTokenDecider, issued()).when(rotate(second)).then(rotatedToSecond).andNothingWhenRepeated();
  });

  it('takes no rotation that makes no sense', () => {
    given(systemTokenDecider).when(rotate(second)).thenRefused('token_not_found');
    given(systemTokenDecider, issued(), revoked).when(rotate(second)).thenRefused('token_revoked');
    given(systemTokenDecider, issued())
      .when(rotate(second, { graceSeconds: -1 }))
      .thenRefused('invalid_grace');
    given(systemTokenDecider, issued({ expiresAt: NOW }))
      .when(rotate(second))
      .thenRefused('token_expired');
    given(systemTokenDecider, issued(), rotatedToSecond).when(rotate(first)).thenRefused('secret_reused');
  });

  it('ends for good with its revocation', () => {
    given(systemTokenDecider, issued()).when(revoke()).then(revoked).andNothingWhenRepeated();
    given(systemTokenDecider, issued(), revoked).when(revoke('Again.')).thenNothing();
    given(systemTokenDecider, issued()).when(revoke('')).thenRefused('invalid_reason');
    given(systemTokenDecider).when(revoke()).thenRefused('token_not_found');
  });
});

describe('verifying a token', () => {
  const tokenAfter = (...events: SystemTokenEvent[]) => stateAfter(systemTokenDecider, events);

  it('accepts what is alive only', () => {
    expect(verifySystemToken(tokenAfter(), first, NOW).outcome).toBe('unknown');
    expect(verifySystemToken(tokenAfter(issued()), first, NOW).outcome).toBe('accepted');
    expect(verifySystemToken(tokenAfter(issued()), second, NOW).outcome).toBe('unknown');
    expect(verifySystemToken(tokenAfter(issued(), rotatedToSecond), first, later(60_000)).outcome).toBe('expired');
    expect(verifySystemToken(tokenAfter(issued(), rotatedToSecond), second, later(60_000)).outcome).toBe('accepted');
    expect(verifySystemToken(tokenAfter(issued(), revoked), first, NOW).outcome).toBe('revoked');
  });
});

describe('a token of the administrator that lasts', () => {
  const lasts = (...events: SystemTokenEvent[]) => isLastingAdministrator(stateAfter(systemTokenDecider, events));

  it('is neither revoked nor bound to expire, and nobody else’s', () => {
    expect(lasts(issued())).toBe(true);
    expect(lasts(issued(), rotatedToSecond)).toBe(true);
    expect(lasts()).toBe(false);
    expect(lasts(issued(), revoked)).toBe(false);
    expect(lasts(issued({ expiresAt: later(1) }))).toBe(false);
    const orgId = 'org_01k00000000000000000000000' as OrganizationId;
    const id = 'mem_01k00000000000000000000000' as MemberId;
    expect(lasts(issued({ holder: { type: 'member', orgId, id } }))).toBe(false);
  });
});

describe('the secret of a token', () => {
  const random = Uint8Array.from({ length: SECRET_RANDOM_BYTES }, (_, i) => i);
  const member: SystemTokenHolder = {
    type: 'member',
    orgId: 'org_01k00000000000000000000000' as OrganizationId,
    id: 'mem_01k00000000000000000000000' as MemberId,
  };

  it('says whether it is the platform’s own or a person’s', () => {
    const { secret } = newSystemTokenSecret(administrator, tokenId, random);
    expect(parseSystemTokenSecret(secret)).toEqual({ ok: true, kind: 'sys', tokenId });
    const personal = newSystemTokenSecret(member, tokenId, random).secret;
    expect(parseSystemTokenSecret(personal)).toEqual({ ok: true, kind: 'pat', tokenId });
  });

  it('is no API key, and no nonsense', () => {
    const { secret } = newSystemTokenSecret(administrator, tokenId, random);
    expect(parseSystemTokenSecret(secret.replace('_sys_', '_live_'))).toEqual({ ok: false, reason: 'checksum' });
    expect(parseSystemTokenSecret('Basic abc')).toEqual({ ok: false, reason: 'malformed' });
  });
});
