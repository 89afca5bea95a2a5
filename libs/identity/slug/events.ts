import { z } from 'zod';
import type { EventsOf, OrganizationId } from '#kernel';
import { brandedField, epochMsField, eventCodec } from '#kernel';
import type { OrganizationSlug } from './slug';

const schemas = {
  SlugReserved: {
    version: 1,
    data: z.object({
      slug: brandedField<OrganizationSlug>(),
      orgId: brandedField<OrganizationId>(),
      /** From when the holder's time to register runs. */
      reservedAt: epochMsField,
    }),
  },
};

export type SlugEvent = EventsOf<typeof schemas>;
export const slugCodec = eventCodec<SlugEvent>(schemas);
