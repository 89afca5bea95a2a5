import { z } from 'zod';
import {
  brandedField,
  countField,
  type EpochMs,
  type EventSchema,
  type EventsOf,
  epochMsField,
  eventCodec,
  formatInstant,
  type OrganizationId,
  type RequestId,
  type StreamName,
  type SystemTokenId,
} from '#kernel';

/** All streams of access records begin with this; one stream per day (UTC). */
export const ACCESS_STREAM_PREFIX = 'access-';

export function accessStream(at: EpochMs): StreamName {
  return `${ACCESS_STREAM_PREFIX}${formatInstant(at).slice(0, 10).replaceAll('-', '')}` as StreamName;
}

/**
 * What of the administrator's doing leaves no event by itself: reading an organization's data, commands that were
 * refused, and commands to what is no part of the record, such as building a view anew.
 */
export const ACCESS_KINDS = ['read', 'refused', 'operation'] as const;
export type AccessKind = (typeof ACCESS_KINDS)[number];

const access = z.object({
  kind: z.enum(ACCESS_KINDS),
  tokenId: brandedField<SystemTokenId>(),
  /** The network that it came from. */
  source: z.string(),
  /** Method and path as the platform declares it, without what was filled in. */
  route: z.string(),
  /** Whose data it was about, where that is one organization that there is. */
  orgId: brandedField<OrganizationId>().exactOptional(),
  /** Why it was refused. */
  code: z.string().exactOptional(),
  count: countField,
  /** One of the requests, for finding it in the log. */
  firstRequestId: brandedField<RequestId>().exactOptional(),
});

const schemas = {
  /** One window's accesses; a window with many is several such events. */
  AccessesCounted: {
    version: 1,
    data: z.object({
      from: epochMsField,
      to: epochMsField,
      accesses: z.array(access).readonly(),
      /** Accesses beyond those that one window tells apart. */
      overflow: countField.exactOptional(),
    }),
  },
} satisfies Record<string, EventSchema<object>>;

export type AccessEvent = EventsOf<typeof schemas>;
export type Access = Omit<AccessEvent['data']['accesses'][number], 'count' | 'firstRequestId'>;
export const accessCodec = eventCodec<AccessEvent>(schemas);
