import type { ProjectId } from '#kernel';
import type { ApiKeyOwner } from './api-key';
import type { Organization, OrganizationState } from './organization';

/** What a key or a token rests on beside its own life: it falls with any of these, and comes back with them. */
export interface Standing {
  /** Of API keys. */
  readonly projectId?: ProjectId;
  /** In whose name it is used; absent: in the organization's. */
  readonly owner?: ApiKeyOwner;
}

/** In order of precedence: the widest first. Only a suspension ends again. */
export const STANDING_PROBLEMS = [
  'organization_not_found',
  'organization_closed',
  'organization_suspended',
  'project_not_found',
  'project_archived',
  'service_account_not_found',
  'service_account_disabled',
  'member_not_found',
] as const;
export type StandingProblem = (typeof STANDING_PROBLEMS)[number];

function projectProblem({ projects }: Organization, projectId: ProjectId): StandingProblem | undefined {
  const project = projects.get(projectId);
  if (project === undefined) return 'project_not_found';
  return project.archived ? 'project_archived' : undefined;
}

/** One row per kind of owner: whoever cannot be found, or was switched off, owns nothing that works. */
function ownerProblem({ serviceAccounts }: Organization, owner: ApiKeyOwner): StandingProblem | undefined {
  switch (owner.type) {
    case 'service-account': {
      const account = serviceAccounts.get(owner.id);
      if (account === undefined) return 'service_account_not_found';
      return account.disabled ? 'service_account_disabled' : undefined;
    }
    case 'member':
      return 'member_not_found';
  }
}

/**
 * Why nothing is to be done with a key or a token, whatever its own state: the one rule of all off-switches, for
 * authentication as for commands. `undefined`: it stands.
 */
export function standingProblem(state: OrganizationState, { projectId, owner }: Standing): StandingProblem | undefined {
  switch (state.status) {
    case 'none':
      return 'organization_not_found';
    case 'closed':
      return 'organization_closed';
    case 'suspended':
      return 'organization_suspended';
    case 'active':
      return (
        (projectId === undefined ? undefined : projectProblem(state.organization, projectId)) ??
        (owner === undefined ? undefined : ownerProblem(state.organization, owner))
      );
  }
}
