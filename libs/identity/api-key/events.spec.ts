import { join } from 'node:path';
import type { ApiKeyId, MemberId, ModelId, OrganizationId, ProjectId, ServiceAccountId } from '#kernel';
import { epochMs } from '#kernel';
import type { EventSamples } from '#testing/golden';
import { goldenChecks } from '#testing/golden';
import type { Name } from '../names';
import { fingerprintOf, hashSecret } from '../secret';
import type { Cidr } from './allowed-ips';
import type { ApiKeyEvent } from './events';
import { apiKeyCodec } from './events';
import { apiKeyStream, parseApiKeyStream } from './stream';

const keyId = 'key_01k00000000000000000000000' as ApiKeyId;
const at = epochMs(1_767_225_600_000);
const secretHash = hashSecret('one');
const issued = {
  keyId,
  orgId: 'org_01k00000000000000000000000' as OrganizationId,
  projectId: 'prj_01k00000000000000000000000' as ProjectId,
  name: 'Nightly evaluation' as Name,
  environment: 'live',
  scopes: ['inference'],
  secretHash,
  fingerprint: fingerprintOf(secretHash),
} as const;
const restricted = {
  scopes: ['inference', 'usage:read', 'analytics:read'],
  models: ['acme/large', 'echo'] as readonly string[] as readonly ModelId[],
  expiresAt: at,
  allowedIps: ['203.0.113.0/24'] as readonly string[] as readonly Cidr[],
} as const;

const samples: EventSamples<ApiKeyEvent> = {
  ApiKeyIssued: [
    {
      type: 'ApiKeyIssued',
      data: { ...issued, ...restricted, owner: { type: 'member', id: 'mem_01k00000000000000000000000' as MemberId } },
    },
    {
      type: 'ApiKeyIssued',
      data: {
        ...issued,
        environment: 'test',
        owner: { type: 'service-account', id: 'sa_01k00000000000000000000000' as ServiceAccountId },
      },
    },
    { type: 'ApiKeyIssued', data: issued },
  ],
  ApiKeyChanged: [
    { type: 'ApiKeyChanged', data: { keyId, ...restricted } },
    { type: 'ApiKeyChanged', data: { keyId, scopes: ['usage:read'] } },
  ],
  ApiKeyRotated: [
    {
      type: 'ApiKeyRotated',
      data: {
        keyId,
        secretHash: hashSecret('two'),
        fingerprint: fingerprintOf(hashSecret('two')),
        previousSecretHash: secretHash,
        graceEndsAt: at,
      },
    },
  ],
  ApiKeyRevoked: [{ type: 'ApiKeyRevoked', data: { keyId, reason: 'It was seen in a public repository.' } }],
};

describe('events of an API key', () => {
  it.each(goldenChecks({ codec: apiKeyCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});

describe('the stream of an API key', () => {
  it('is composed and parsed in one place', () => {
    expect(apiKeyStream(keyId)).toBe(`apiKey-${keyId}`);
    expect(parseApiKeyStream(apiKeyStream(keyId))).toBe(keyId);
    expect(parseApiKeyStream('apiKey-org_01k00000000000000000000000')).toBeUndefined();
    expect(parseApiKeyStream(keyId)).toBeUndefined();
  });
});
