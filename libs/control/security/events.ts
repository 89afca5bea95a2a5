import { z } from 'zod';
import {
  type ApiKeyId,
  brandedField,
  countField,
  type EpochMs,
  type EventSchema,
  type EventsOf,
  epochMsField,
  eventCodec,
  formatInstant,
  type StreamName,
  type SystemTokenId,
} from '#kernel';

/** All streams of security facts begin with this; one stream per day (UTC). */
export const SECURITY_STREAM_PREFIX = 'security-';

export function securityStream(at: EpochMs): StreamName {
  return `${SECURITY_STREAM_PREFIX}${formatInstant(at).slice(0, 10).replaceAll('-', '')}` as StreamName;
}

/** Why a request was not taken as anybody's, or not as one who may do what it asks. */
export const AUTHENTICATION_FAILURE_REASONS = [
  'missing_credential',
  'differing_credentials',
  'invalid_api_key',
  'key_revoked',
  'key_expired',
  'ip_not_allowed',
  'key_suspended',
  'organization_suspended',
  'invalid_token',
  // Somebody is known, and asks for what is not theirs.
  'insufficient_scope',
  'not_permitted',
  'foreign_id',
] as const;
export type AuthenticationFailureReason = (typeof AUTHENTICATION_FAILURE_REASONS)[number];

const failure = z.object({
  source: z.string(),
  reason: z.enum(AUTHENTICATION_FAILURE_REASONS),
  count: countField,
  /** The key or the token that was presented, where there is one with its id. */
  keyId: brandedField<ApiKeyId>().exactOptional(),
  tokenId: brandedField<SystemTokenId>().exactOptional(),
});

const schemas = {
  /** One window's failures; a window with many sources is several such events. */
  AuthenticationFailuresCounted: {
    version: 2,
    data: z.object({
      from: epochMsField,
      to: epochMsField,
      failures: z.array(failure).readonly(),
      /** Failures of sources beyond those that one window tells apart. */
      overflow: countField.exactOptional(),
    }),
    // The first version named nobody, and knew fewer reasons.
    upcasts: { 1: (stored: unknown) => stored },
  },
} satisfies Record<string, EventSchema<object>>;

export type SecurityEvent = EventsOf<typeof schemas>;
export const securityCodec = eventCodec<SecurityEvent>(schemas);
