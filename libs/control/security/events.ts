import { z } from 'zod';
import {
  countField,
  type EpochMs,
  type EventSchema,
  type EventsOf,
  epochMsField,
  eventCodec,
  formatInstant,
  type StreamName,
} from '#kernel';

/** All streams of security facts begin with this; one stream per day (UTC). */
export const SECURITY_STREAM_PREFIX = 'security-';

export function securityStream(at: EpochMs): StreamName {
  return `${SECURITY_STREAM_PREFIX}${formatInstant(at).slice(0, 10).replaceAll('-', '')}` as StreamName;
}

/** Why a request was not taken as anybody's. */
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
] as const;
export type AuthenticationFailureReason = (typeof AUTHENTICATION_FAILURE_REASONS)[number];

const schemas = {
  /** One window's failures; a window with many sources is several such events. */
  AuthenticationFailuresCounted: {
    version: 1,
    data: z.object({
      from: epochMsField,
      to: epochMsField,
      failures: z
        .array(z.object({ source: z.string(), reason: z.enum(AUTHENTICATION_FAILURE_REASONS), count: countField }))
        .readonly(),
      /** Failures of sources beyond those that one window tells apart. */
      overflow: countField.exactOptional(),
    }),
  },
} satisfies Record<string, EventSchema<object>>;

export type SecurityEvent = EventsOf<typeof schemas>;
export const securityCodec = eventCodec<SecurityEvent>(schemas);
