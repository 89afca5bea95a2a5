import { z } from 'zod';
import type { ApiKeyId, EventsOf, MemberId, ModelId, OrganizationId, ProjectId, ServiceAccountId } from '#kernel';
import { brandedField, epochMsField, eventCodec } from '#kernel';
import type { Name } from '../names';
import type { SecretFingerprint, SecretHash } from '../secret';
import type { Cidr } from './allowed-ips';
import { API_KEY_SCOPES } from './scopes';
import { API_KEY_ENVIRONMENTS } from './secret';

/** What may change in a key's life. An absent `models`, `expiresAt` or `allowedIps` restricts nothing. */
const permissions = {
  scopes: z.array(z.enum(API_KEY_SCOPES)).readonly(),
  models: z.array(brandedField<ModelId>()).readonly().exactOptional(),
  expiresAt: epochMsField.exactOptional(),
  allowedIps: z.array(brandedField<Cidr>()).readonly().exactOptional(),
};

const ownerField = z.discriminatedUnion('type', [
  z.object({ type: z.literal('member'), id: brandedField<MemberId>() }),
  z.object({ type: z.literal('service-account'), id: brandedField<ServiceAccountId>() }),
]);

const keyId = brandedField<ApiKeyId>();
const secret = { secretHash: brandedField<SecretHash>(), fingerprint: brandedField<SecretFingerprint>() };

const schemas = {
  ApiKeyIssued: {
    version: 1,
    data: z.object({
      keyId,
      orgId: brandedField<OrganizationId>(),
      projectId: brandedField<ProjectId>(),
      owner: ownerField.exactOptional(),
      name: brandedField<Name>(),
      environment: z.enum(API_KEY_ENVIRONMENTS),
      ...permissions,
      ...secret,
    }),
  },
  /** Carries all that may change as it is from now on, not only what was changed. */
  ApiKeyChanged: { version: 1, data: z.object({ keyId, ...permissions }) },
  ApiKeyRotated: {
    version: 1,
    data: z.object({ keyId, ...secret, previousSecretHash: brandedField<SecretHash>(), graceEndsAt: epochMsField }),
  },
  ApiKeyRevoked: { version: 1, data: z.object({ keyId, reason: z.string() }) },
};

export type ApiKeyEvent = EventsOf<typeof schemas>;
export type ApiKeyIssued = Extract<ApiKeyEvent, { type: 'ApiKeyIssued' }>['data'];
export type ApiKeyPermissions = Omit<Extract<ApiKeyEvent, { type: 'ApiKeyChanged' }>['data'], 'keyId'>;
export type ApiKeyOwner = z.infer<typeof ownerField>;
export const apiKeyCodec = eventCodec<ApiKeyEvent>(schemas);
