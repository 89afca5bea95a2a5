import { organizationStream, type Standing, type StandingProblem, standingProblem } from '#identity';
import type { OrganizationId } from '#kernel';
import type { CommandContext } from './command-context';
import type { ControlRecords } from './records';
import { refuse } from './refusals';

const MESSAGES: Readonly<Record<StandingProblem, string>> = {
  organization_not_found: 'There is no such organization.',
  organization_closed: 'The organization is closed for good.',
  organization_suspended: 'The organization is suspended: have it resumed first.',
  project_not_found: 'The organization has no such project.',
  project_archived: 'The project is archived for good: use a key of another one.',
  service_account_not_found: 'The organization has no such service account.',
  service_account_disabled:
    'The service account is disabled for good: name another owner, or use a key of another one.',
  member_not_found: 'The organization has no such member.',
};

/**
 * Why a key is not to be issued, rotated or changed. What a command has done before keeps its answer, whatever has
 * become of the key's organization, project and owner since: a repeat is not asked.
 */
export function standingRefusal(
  { organizations }: Pick<ControlRecords, 'organizations'>,
  orgId: OrganizationId,
  standing: Standing,
  { keyed }: Pick<CommandContext, 'keyed'>,
) {
  if (keyed?.isRepeat === true) return undefined;
  const problem = standingProblem(organizations.find(organizationStream(orgId)).state, standing);
  return problem === undefined ? undefined : refuse(problem, MESSAGES[problem]);
}
