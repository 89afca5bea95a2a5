import { join } from 'node:path';
import type { MemberId, OrganizationId, ServiceAccountId, SystemTokenId } from '#kernel';
import { epochMs } from '#kernel';
import type { EventSamples } from '#testing/golden';
import { goldenChecks } from '#testing/golden';
import type { Name } from '../names';
import { fingerprintOf, hashSecret } from '../secret';
import type { SystemTokenEvent } from './events';
import { systemTokenCodec } from './events';
import { parseSystemTokenStream, systemTokenStream } from './stream';

const tokenId = 'tok_01k00000000000000000000000' as SystemTokenId;
const orgId = 'org_01k00000000000000000000000' as OrganizationId;
const secretHash = hashSecret('one');
const issued = { tokenId, name: 'Bootstrap' as Name, secretHash, fingerprint: fingerprintOf(secretHash) };

const samples: EventSamples<SystemTokenEvent> = {
  SystemTokenIssued: [
    {
      type: 'SystemTokenIssued',
      data: { ...issued, holder: { type: 'system', id: 'bootstrap' }, expiresAt: epochMs(1_767_225_600_000) },
    },
    {
      type: 'SystemTokenIssued',
      data: { ...issued, holder: { type: 'member', orgId, id: 'mem_01k00000000000000000000000' as MemberId } },
    },
    {
      type: 'SystemTokenIssued',
      data: {
        ...issued,
        holder: { type: 'service-account', orgId, id: 'sa_01k00000000000000000000000' as ServiceAccountId },
      },
    },
  ],
  SystemTokenRotated: [
    {
      type: 'SystemTokenRotated',
      data: {
        tokenId,
        secretHash: hashSecret('two'),
        fingerprint: fingerprintOf(hashSecret('two')),
        previousSecretHash: secretHash,
        graceEndsAt: epochMs(1_767_225_600_000),
      },
    },
  ],
  SystemTokenRevoked: [{ type: 'SystemTokenRevoked', data: { tokenId, reason: 'The administrator left.' } }],
};

describe('events of a system token', () => {
  it.each(goldenChecks({ codec: systemTokenCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});

describe('the stream of a system token', () => {
  it('is composed and parsed in one place', () => {
    expect(systemTokenStream(tokenId)).toBe(`systemToken-${tokenId}`);
    expect(parseSystemTokenStream(systemTokenStream(tokenId))).toBe(tokenId);
    expect(parseSystemTokenStream('systemToken-key_01k00000000000000000000000')).toBeUndefined();
    expect(parseSystemTokenStream(tokenId)).toBeUndefined();
  });
});
