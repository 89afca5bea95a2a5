import type { ApiKeyId, OrganizationId, ProjectId } from '#kernel';
import { epochMs, parseModelId } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { Name } from '../names';
import type { SecretHash } from '../secret';
import { fingerprintOf, GRACE_SECONDS_MAX, hashSecret } from '../secret';
import { parseCidr } from './allowed-ips';
import type { ChangeApiKey, IssueApiKey, RotateApiKey } from './decider';
import { apiKeyDecider, verifySecret } from './decider';
import type { ApiKeyEvent, ApiKeyIssued, ApiKeyPermissions } from './events';

const NOW = epochMs(1_767_225_600_000);
const later = (ms: number) => epochMs(NOW + ms);
const keyId = 'key_01k00000000000000000000000' as ApiKeyId;
const known = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('the spec itself is wrong');
  return value;
};
const echo = known(parseModelId('echo'));
const large = known(parseModelId('acme/large'));
const office = known(parseCidr('203.0.113.0/24'));

const first = hashSecret('first');
const second = hashSecret('second');
const third = hashSecret('third');

const issueKey = (change: Partial<IssueApiKey> = {}): IssueApiKey => ({
  type: 'IssueApiKey',
  at: NOW,
  keyId,
  orgId: 'org_01k00000000000000000000000' as OrganizationId,
  projectId: 'prj_01k00000000000000000000000' as ProjectId,
  name: 'Nightly',
  environment: 'live',
  secretHash: first,
  fingerprint: fingerprintOf(first),
  ...change,
});
const changeKey = (change: Partial<ChangeApiKey> = {}): ChangeApiKey => ({ type: 'ChangeApiKey', at: NOW, ...change });
const rotateKey = (secretHash: SecretHash, change: Partial<RotateApiKey> = {}): RotateApiKey => ({
  type: 'RotateApiKey',
  at: NOW,
  secretHash,
  fingerprint: fingerprintOf(secretHash),
  graceSeconds: 60,
  ...change,
});
const revokeKey = (reason = 'It leaked.') => ({ type: 'RevokeApiKey' as const, reason });

const issued = (change: Partial<ApiKeyIssued> = {}): ApiKeyEvent => ({
  type: 'ApiKeyIssued',
  data: {
    keyId,
    orgId: 'org_01k00000000000000000000000' as OrganizationId,
    projectId: 'prj_01k00000000000000000000000' as ProjectId,
    name: 'Nightly' as Name,
    environment: 'live',
    scopes: ['inference'],
    secretHash: first,
    fingerprint: fingerprintOf(first),
    ...change,
  },
});
const keyChanged = (permissions: ApiKeyPermissions): ApiKeyEvent => ({
  type: 'ApiKeyChanged',
  data: { keyId, ...permissions },
});
const rotatedTo = (
  secretHash: SecretHash,
  previousSecretHash: SecretHash,
  graceEndsAt = later(60_000),
): ApiKeyEvent => ({
  type: 'ApiKeyRotated',
  data: { keyId, secretHash, fingerprint: fingerprintOf(secretHash), previousSecretHash, graceEndsAt },
});
const revoked: ApiKeyEvent = { type: 'ApiKeyRevoked', data: { keyId, reason: 'It leaked.' } };

describe('issuing an API key', () => {
  it('gives it the scope of inference and no restriction unless told otherwise', () => {
    given(apiKeyDecider).when(issueKey()).then(issued()).andNothingWhenRepeated();
  });

  it('takes restrictions in any order and repetition, and records them in one', () => {
    given(apiKeyDecider)
      .when(
        issueKey({
          name: ' Nightly ',
          scopes: ['usage:read', 'inference', 'usage:read'],
          models: ['echo', 'acme/large', 'echo'],
          expiresAt: later(1),
          allowedIps: ['203.0.113.0/24'],
        }),
      )
      .then(
        issued({
          scopes: ['inference', 'usage:read'],
          models: [large, echo],
          expiresAt: later(1),
          allowedIps: [office],
        }),
      )
      .andNothingWhenRepeated();
  });

  it('recognizes its repetition whatever has happened since, even after the expiry', () => {
    const expiring = issueKey({ expiresAt: later(1_000) });
    const history = [issued({ expiresAt: later(1_000) }), rotatedTo(second, first), revoked];
    given(apiKeyDecider, ...history)
      .when({ ...expiring, at: later(5_000) })
      .thenNothing();
  });

  it('does not give one id to two keys', () => {
    given(apiKeyDecider, issued())
      .when(issueKey({ name: 'Other' }))
      .thenRefused('key_exists');
  });

  it.each<[string, Partial<IssueApiKey>]>([
    ['invalid_name', { name: '  ' }],
    ['invalid_name', { name: 'x'.repeat(121) }],
    ['invalid_scopes', { scopes: [] }],
    ['invalid_scopes', { scopes: ['inference', 'admin'] }],
    ['invalid_models', { models: [] }],
    ['invalid_models', { models: ['/echo'] }],
    ['invalid_allowed_ips', { allowedIps: [] }],
    ['invalid_allowed_ips', { allowedIps: ['203.0.113.0/33'] }],
    ['invalid_expiry', { expiresAt: NOW }],
  ])('refuses with %s: %j', (code, change) => {
    given(apiKeyDecider)
      .when(issueKey(change))
      .thenRefused(code as 'invalid_name');
  });

  it('names the first of several faults in the documented order', () => {
    const faults = { name: '', scopes: [], models: [], allowedIps: [], expiresAt: NOW };
    given(apiKeyDecider).when(issueKey(faults)).thenRefused('invalid_name');
    given(apiKeyDecider)
      .when(issueKey({ ...faults, name: 'Nightly' }))
      .thenRefused('invalid_scopes');
    given(apiKeyDecider, issued())
      .when(issueKey({ expiresAt: NOW }))
      .thenRefused('key_exists');
  });
});

describe('changing an API key', () => {
  const restricted = issued({ models: [echo], expiresAt: later(1_000), allowedIps: [office] });

  it('leaves what is not named, and records everything as it is from now on', () => {
    given(apiKeyDecider, restricted)
      .when(changeKey({ scopes: ['analytics:read'] }))
      .then(keyChanged({ scopes: ['analytics:read'], models: [echo], expiresAt: later(1_000), allowedIps: [office] }))
      .andNothingWhenRepeated();
  });

  it('lifts what is null', () => {
    given(apiKeyDecider, restricted)
      .when(changeKey({ models: null, expiresAt: null, allowedIps: null }))
      .then(keyChanged({ scopes: ['inference'] }))
      .andNothingWhenRepeated();
  });

  it('decides nothing where nothing changes', () => {
    given(apiKeyDecider, restricted).when(changeKey()).thenNothing();
    given(apiKeyDecider, restricted)
      .when(changeKey({ models: ['echo'], allowedIps: ['203.0.113.0/24'] }))
      .thenNothing();
  });

  it('prolongs or restricts a key that has expired', () => {
    const at = later(2_000);
    given(apiKeyDecider, restricted)
      .when(changeKey({ at, expiresAt: later(9_000) }))
      .then(keyChanged({ scopes: ['inference'], models: [echo], expiresAt: later(9_000), allowedIps: [office] }));
    given(apiKeyDecider, restricted)
      .when(changeKey({ at, models: ['acme/large'] }))
      .then(keyChanged({ scopes: ['inference'], models: [large], expiresAt: later(1_000), allowedIps: [office] }));
  });

  it('refuses what issuing refuses', () => {
    given(apiKeyDecider, restricted)
      .when(changeKey({ scopes: [] }))
      .thenRefused('invalid_scopes');
    given(apiKeyDecider, restricted)
      .when(changeKey({ models: [] }))
      .thenRefused('invalid_models');
    given(apiKeyDecider, restricted)
      .when(changeKey({ allowedIps: [] }))
      .thenRefused('invalid_allowed_ips');
    given(apiKeyDecider, restricted)
      .when(changeKey({ expiresAt: NOW }))
      .thenRefused('invalid_expiry');
  });
});

describe('rotating an API key', () => {
  it('lets the old secret live until the grace ends', () => {
    given(apiKeyDecider, issued()).when(rotateKey(second)).then(rotatedTo(second, first)).andNothingWhenRepeated();
  });

  it('ends the old secret at once without a grace', () => {
    given(apiKeyDecider, issued())
      .when(rotateKey(second, { graceSeconds: 0 }))
      .then(rotatedTo(second, first, NOW));
  });

  it('refuses graces beyond 30 days, secrets that were replaced, and expired keys', () => {
    given(apiKeyDecider, issued())
      .when(rotateKey(second, { graceSeconds: GRACE_SECONDS_MAX + 1 }))
      .thenRefused('invalid_grace');
    given(apiKeyDecider, issued(), rotatedTo(second, first)).when(rotateKey(first)).thenRefused('secret_reused');
    given(apiKeyDecider, issued({ expiresAt: NOW }))
      .when(rotateKey(second))
      .thenRefused('key_expired');
  });
});

describe('revoking an API key', () => {
  it('is final', () => {
    given(apiKeyDecider, issued()).when(revokeKey()).then(revoked).andNothingWhenRepeated();
    given(apiKeyDecider, issued(), revoked)
      .when(changeKey({ expiresAt: later(1) }))
      .thenRefused('key_revoked');
    given(apiKeyDecider, issued(), revoked).when(rotateKey(second)).thenRefused('key_revoked');
  });

  it('is the same to a key that is revoked already, whatever the reason', () => {
    given(apiKeyDecider, issued(), revoked).when(revokeKey('Once more.')).thenNothing();
    given(apiKeyDecider, issued(), revoked).when(revokeKey('')).thenNothing();
  });

  it('demands a reason', () => {
    given(apiKeyDecider, issued()).when(revokeKey(' ')).thenRefused('invalid_reason');
  });
});

describe('a key that was never issued', () => {
  it('is not found', () => {
    given(apiKeyDecider).when(changeKey()).thenRefused('key_not_found');
    given(apiKeyDecider).when(rotateKey(second)).thenRefused('key_not_found');
    given(apiKeyDecider).when(revokeKey()).thenRefused('key_not_found');
  });
});

describe('verifying a secret', () => {
  const keyAfter = (...events: ApiKeyEvent[]) => stateAfter(apiKeyDecider, events);

  it('accepts the secret that was issued, and no other', () => {
    expect(verifySecret(keyAfter(issued()), first, NOW)).toEqual({ outcome: 'accepted', secret: 'current' });
    expect(verifySecret(keyAfter(issued()), second, NOW)).toEqual({ outcome: 'unknown' });
    expect(verifySecret(keyAfter(), first, NOW)).toEqual({ outcome: 'unknown' });
  });

  it('accepts both secrets in a grace, then only the new one', () => {
    const state = keyAfter(issued(), rotatedTo(second, first));
    expect(verifySecret(state, first, later(59_999))).toEqual({ outcome: 'accepted', secret: 'previous' });
    expect(verifySecret(state, first, later(60_000))).toEqual({ outcome: 'expired' });
    expect(verifySecret(state, second, later(60_000))).toEqual({ outcome: 'accepted', secret: 'current' });
  });

  it('never has more than two secrets alive', () => {
    const state = keyAfter(issued(), rotatedTo(second, first), rotatedTo(third, second));
    expect(verifySecret(state, first, NOW)).toEqual({ outcome: 'unknown' });
    expect(verifySecret(state, second, NOW)).toEqual({ outcome: 'accepted', secret: 'previous' });
    expect(verifySecret(state, third, NOW)).toEqual({ outcome: 'accepted', secret: 'current' });
  });

  it('keeps a rotated secret valid through a change, and expires when the change says so', () => {
    const state = keyAfter(
      issued(),
      rotatedTo(second, first),
      keyChanged({ scopes: ['inference'], expiresAt: later(10) }),
    );
    expect(verifySecret(state, first, later(9)).outcome).toBe('accepted');
    expect(verifySecret(state, second, later(10)).outcome).toBe('expired');
  });

  it('bars every secret of a revoked key, those in grace too', () => {
    const state = keyAfter(issued(), rotatedTo(second, first), revoked);
    expect(verifySecret(state, first, NOW).outcome).toBe('revoked');
    expect(verifySecret(state, second, NOW).outcome).toBe('revoked');
  });
});
