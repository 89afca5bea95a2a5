import { z } from 'zod';
import {
  type BootId,
  brandedField,
  type EventSchema,
  type EventsOf,
  epochMsField,
  eventCodec,
  type OrganizationId,
  type StreamName,
} from '#kernel';

/** The administrator's tokens, of which the last lasting one must stay; they belong to no organization. */
export const SYSTEM_TOKENS = 'system-tokens';

/** What one gateway at a time may change by a command that takes two appends, or that looks at several streams. */
export type ClaimSubject = OrganizationId | typeof SYSTEM_TOKENS;

export const CLAIM_STREAM_PREFIX = 'claim-';

export function claimStream(subject: ClaimSubject): StreamName {
  return `${CLAIM_STREAM_PREFIX}${subject}` as StreamName;
}

const bootId = brandedField<BootId>();
const subject = brandedField<ClaimSubject>();

const schemas = {
  /** Recorded before anything that the command changes. Where somebody else held the claim, it is taken over. */
  ClaimTaken: {
    version: 1,
    data: z.object({
      subject,
      bootId,
      at: epochMsField,
      /** The part of the subject that is about to change, where others have to reckon with it. */
      about: z.string().optional(),
    }),
  },
  /** Recorded after everything that the command changed. */
  ClaimReleased: { version: 1, data: z.object({ subject, bootId }) },
} satisfies Record<string, EventSchema<object>>;

export type ClaimEvent = EventsOf<typeof schemas>;
export const claimCodec = eventCodec<ClaimEvent>(schemas);
