import { accepted } from '#kernel';
import { changed, present, sameData } from '../fields';
import { parseDescription, parseName, parseReason, REASON_RULE } from '../names';
import { parseSlug, SLUG_RESERVATION_MS, SLUG_RULE } from '../slug';
import type {
  ChangeOrganizationProfile,
  OrganizationDecision,
  RegisterOrganization,
  SuspendOrganization,
} from './commands';
import { no } from './commands';
import { invalidName } from './naming';
import type { Organization, OrganizationState } from './state';

const DESCRIPTION_CHARACTERS_MAX = 1_000;
const WEBSITE_CHARACTERS_MAX = 300;

export function decideRegister(command: RegisterOrganization, state: OrganizationState): OrganizationDecision {
  const { orgId, at, slugReservedAt } = command;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('an organization');
  const slug = parseSlug(command.slug);
  if (slug === undefined) return no('invalid_slug', `This is no slug: ${SLUG_RULE}.`);
  if (state.status !== 'none') {
    const { registeredName, slug: registeredSlug } = state.organization;
    return registeredName === name && registeredSlug === slug
      ? accepted()
      : no('organization_exists', 'Another organization has this id: register under a new one.');
  }
  if (at >= slugReservedAt + SLUG_RESERVATION_MS)
    return no('slug_reservation_lapsed', `The slug ${slug} was reserved too long ago: reserve it again.`);
  return accepted({ type: 'OrganizationRegistered', data: { orgId, name, slug } });
}

/** An address that people can follow: http or https, without credentials. */
function parseWebsite(text: string): string | undefined {
  if (text.length > WEBSITE_CHARACTERS_MAX || !URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  const web = protocol === 'https:' || protocol === 'http:';
  return web && username === '' && password === '' ? href : undefined;
}

export function decideProfile(command: ChangeOrganizationProfile, organization: Organization): OrganizationDecision {
  const name = parseName(command.name ?? organization.name);
  if (name === undefined) return invalidName('an organization');

  const wantedDescription = changed(command.description, organization.description);
  const description = wantedDescription && parseDescription(wantedDescription, DESCRIPTION_CHARACTERS_MAX);
  if (wantedDescription !== undefined && !description)
    return no('invalid_description', `A description has 1 to ${DESCRIPTION_CHARACTERS_MAX} characters on one line.`);

  const wantedWebsite = changed(command.website, organization.website);
  const website = wantedWebsite && parseWebsite(wantedWebsite);
  if (wantedWebsite !== undefined && !website)
    return no('invalid_website', `A website is an http or https URL of at most ${WEBSITE_CHARACTERS_MAX} characters.`);

  const before = profileOf(organization);
  const data = { name, ...present({ description, website }) };
  return sameData(before, data) ? accepted() : accepted({ type: 'OrganizationProfileChanged', data });
}

function profileOf({ name, description, website }: Organization): object {
  return { name, ...present({ description, website }) };
}

export function decideSuspend(command: SuspendOrganization, state: OrganizationState): OrganizationDecision {
  const reason = parseReason(command.reason);
  if (reason === undefined) return no('invalid_reason', `Why is the organization suspended? Please ${REASON_RULE}.`);
  if (state.status === 'suspended' && state.reason === reason) return accepted();
  return accepted({ type: 'OrganizationSuspended', data: { reason } });
}
