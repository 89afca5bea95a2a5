import { Map as ImmutableMap } from 'immutable';
import type { ModelId, OrganizationId, ProjectId, ServiceAccountId, TeamId } from '#kernel';
import { assertNever } from '#kernel';
import { present } from '../fields';
import type { Name } from '../names';
import type { ServiceAccountRole } from '../roles';
import type { OrganizationSlug } from '../slug';
import type { AnswersStorage, OrganizationEvent, ResponseCache } from './events';

export interface Project {
  readonly id: ProjectId;
  readonly name: Name;
  readonly teamId?: TeamId;
  readonly archived: boolean;
}

export interface Team {
  readonly id: TeamId;
  readonly name: Name;
}

export interface ServiceAccount {
  readonly id: ServiceAccountId;
  readonly name: Name;
  readonly roles: readonly ServiceAccountRole[];
  readonly disabled: boolean;
}

export interface Organization {
  readonly id: OrganizationId;
  readonly slug: OrganizationSlug;
  /** Tells a repeated registration from another one after the organization was renamed. */
  readonly registeredName: Name;
  readonly name: Name;
  readonly description?: string;
  readonly website?: string;
  readonly projects: ImmutableMap<ProjectId, Project>;
  readonly teams: ImmutableMap<TeamId, Team>;
  readonly serviceAccounts: ImmutableMap<ServiceAccountId, ServiceAccount>;
  /** Sorted, each once. */
  readonly grantedModels: readonly ModelId[];
  readonly answersStorage: AnswersStorage;
  /** Absent: every call is run. */
  readonly responseCache?: ResponseCache;
}

export type OrganizationState =
  | { readonly status: 'none' }
  | { readonly status: 'active'; readonly organization: Organization }
  /** For a time: nothing is called and nothing is built, but what only takes away may still be done. */
  | { readonly status: 'suspended'; readonly organization: Organization; readonly reason: string }
  /** For good. */
  | { readonly status: 'closed'; readonly organization: Organization };

type RegisteredState = Exclude<OrganizationState, { status: 'none' }>;
type Registered = Extract<OrganizationEvent, { type: 'OrganizationRegistered' }>['data'];
type LifeEvent = Extract<
  OrganizationEvent,
  { type: `Organization${'Registered' | 'Suspended' | 'Resumed' | 'Closed'}` }
>;
type ContentEvent = Exclude<OrganizationEvent, LifeEvent>;

function registered({ orgId, name, slug }: Registered): Organization {
  return {
    id: orgId,
    slug,
    registeredName: name,
    name,
    projects: ImmutableMap(),
    teams: ImmutableMap(),
    serviceAccounts: ImmutableMap(),
    grantedModels: [],
    answersStorage: 'allowed',
  };
}

function withoutTeam({ teamId: _, ...project }: Project): Project {
  return project;
}

/** Folds what is inside an organization. An event about something unknown changes nothing. */
function evolveContent(organization: Organization, event: ContentEvent): Organization {
  const { projects, teams, serviceAccounts } = organization;
  const withProject = (id: ProjectId, change: (project: Project) => Project): Organization => {
    const project = projects.get(id);
    return project === undefined ? organization : { ...organization, projects: projects.set(id, change(project)) };
  };
  const withAccount = (id: ServiceAccountId, change: Partial<ServiceAccount>): Organization => {
    const account = serviceAccounts.get(id);
    return account === undefined
      ? organization
      : { ...organization, serviceAccounts: serviceAccounts.set(id, { ...account, ...change }) };
  };
  switch (event.type) {
    case 'OrganizationProfileChanged': {
      const { description: _description, website: _website, ...rest } = organization;
      return { ...rest, ...event.data };
    }
    case 'ProjectCreated': {
      const { projectId: id, ...data } = event.data;
      return { ...organization, projects: projects.set(id, { id, ...data, archived: false }) };
    }
    case 'ProjectRenamed':
      return withProject(event.data.projectId, (project) => ({ ...project, name: event.data.name }));
    case 'ProjectAssigned': {
      const { projectId, teamId } = event.data;
      return withProject(projectId, (project) => ({ ...withoutTeam(project), ...present({ teamId }) }));
    }
    case 'ProjectArchived':
      return withProject(event.data.projectId, (project) => ({ ...project, archived: true }));
    case 'TeamCreated':
    case 'TeamRenamed': {
      const { teamId: id, name } = event.data;
      return { ...organization, teams: teams.set(id, { id, name }) };
    }
    case 'ServiceAccountCreated': {
      const { serviceAccountId: id, name, roles } = event.data;
      return { ...organization, serviceAccounts: serviceAccounts.set(id, { id, name, roles, disabled: false }) };
    }
    case 'ServiceAccountChanged': {
      const { serviceAccountId, name, roles } = event.data;
      return withAccount(serviceAccountId, { name, roles });
    }
    case 'ServiceAccountDisabled':
      return withAccount(event.data.serviceAccountId, { disabled: true });
    case 'GrantedModelsSet':
      return { ...organization, grantedModels: event.data.models };
    case 'ResponseCacheSet': {
      const { responseCache: _before, ...rest } = organization;
      return { ...rest, ...present({ responseCache: event.data.responseCache }) };
    }
    case 'AnswersStorageSet':
      return { ...organization, answersStorage: event.data.answersStorage };
    default:
      return assertNever(event);
  }
}

function evolveRegistered(state: RegisteredState, event: OrganizationEvent): OrganizationState {
  const { organization } = state;
  switch (event.type) {
    case 'OrganizationRegistered':
      return state;
    case 'OrganizationSuspended':
      return { status: 'suspended', organization, reason: event.data.reason };
    case 'OrganizationResumed':
      return { status: 'active', organization };
    case 'OrganizationClosed':
      return { status: 'closed', organization };
    default:
      return { ...state, organization: evolveContent(organization, event) };
  }
}

export function evolve(state: OrganizationState, event: OrganizationEvent): OrganizationState {
  if (state.status !== 'none') return evolveRegistered(state, event);
  return event.type === 'OrganizationRegistered' ? { status: 'active', organization: registered(event.data) } : state;
}
