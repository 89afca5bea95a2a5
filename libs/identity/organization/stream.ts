import type { OrganizationId, StreamName } from '#kernel';
import { parseId } from '#kernel';

export const ORGANIZATION_STREAM_PREFIX = 'organization-';

export function organizationStream(id: OrganizationId): StreamName {
  return `${ORGANIZATION_STREAM_PREFIX}${id}` as StreamName;
}

/** The organization that a stream is about; `undefined` for every other stream. */
export function parseOrganizationStream(stream: string): OrganizationId | undefined {
  return stream.startsWith(ORGANIZATION_STREAM_PREFIX)
    ? parseId('org', stream.slice(ORGANIZATION_STREAM_PREFIX.length))
    : undefined;
}
