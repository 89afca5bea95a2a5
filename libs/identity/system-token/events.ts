import { z } from 'zod';
import type { EventsOf, MemberId, OrganizationId, ServiceAccountId, SystemTokenId } from '#kernel';
import { brandedField, epochMsField, eventCodec } from '#kernel';
import type { Name } from '../names';
import type { SecretFingerprint, SecretHash } from '../secret';

/**
 * In whose name a token speaks: the platform's own administrator, or a member or service account of an organization.
 * What it may do is what its holder may do at that moment; the token itself grants nothing.
 */
const holderField = z.discriminatedUnion('type', [
  z.object({ type: z.literal('system'), id: z.string() }),
  z.object({ type: z.literal('member'), orgId: brandedField<OrganizationId>(), id: brandedField<MemberId>() }),
  z.object({
    type: z.literal('service-account'),
    orgId: brandedField<OrganizationId>(),
    id: brandedField<ServiceAccountId>(),
  }),
]);

const tokenId = brandedField<SystemTokenId>();
const secret = { secretHash: brandedField<SecretHash>(), fingerprint: brandedField<SecretFingerprint>() };

const schemas = {
  SystemTokenIssued: {
    version: 1,
    data: z.object({
      tokenId,
      holder: holderField,
      name: brandedField<Name>(),
      expiresAt: epochMsField.exactOptional(),
      ...secret,
    }),
  },
  SystemTokenRotated: {
    version: 1,
    data: z.object({ tokenId, ...secret, previousSecretHash: brandedField<SecretHash>(), graceEndsAt: epochMsField }),
  },
  SystemTokenRevoked: { version: 1, data: z.object({ tokenId, reason: z.string() }) },
};

export type SystemTokenEvent = EventsOf<typeof schemas>;
export type SystemTokenIssued = Extract<SystemTokenEvent, { type: 'SystemTokenIssued' }>['data'];
export type SystemTokenHolder = z.infer<typeof holderField>;
export const systemTokenCodec = eventCodec<SystemTokenEvent>(schemas);
