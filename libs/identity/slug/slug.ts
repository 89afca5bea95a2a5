import type { Branded } from '#kernel';

/** An organization's name in URLs: unique on the platform and never changed, so that links and scripts stay right. */
export type OrganizationSlug = Branded<string, 'OrganizationSlug'>;

export const SLUG_RULE =
  'a slug is 2 to 63 lowercase letters, digits and hyphens, begins with a letter and is not "me"';

const SLUG = /^[a-z][a-z0-9-]{1,62}$/;

/**
 * Parses a slug; anything else is `undefined`. A path takes an id, a slug or `me` in the same place: the underscore of
 * ids is no character of slugs, so only `me` has to be kept free.
 */
export function parseSlug(text: string): OrganizationSlug | undefined {
  return SLUG.test(text) && text !== 'me' ? (text as OrganizationSlug) : undefined;
}
