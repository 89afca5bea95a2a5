import type { StreamName } from '#kernel';
import type { OrganizationSlug } from './slug';
import { parseSlug } from './slug';

export const SLUG_STREAM_PREFIX = 'organizationSlug-';

export function slugStream(slug: OrganizationSlug): StreamName {
  return `${SLUG_STREAM_PREFIX}${slug}` as StreamName;
}

/** The slug that a stream is about; `undefined` for every other stream. */
export function parseSlugStream(stream: string): OrganizationSlug | undefined {
  return stream.startsWith(SLUG_STREAM_PREFIX) ? parseSlug(stream.slice(SLUG_STREAM_PREFIX.length)) : undefined;
}
