import type { Decision, EpochMs, OrganizationId, ProjectId, Refusal, ServiceAccountId, TeamId } from '#kernel';
import { refused } from '#kernel';
import type { AnswersStorage, OrganizationEvent, ResponseCache } from './events';

/** The second step of a registration; the first reserves the slug (see the slug's decider). */
export interface RegisterOrganization {
  readonly type: 'RegisterOrganization';
  readonly at: EpochMs;
  readonly orgId: OrganizationId;
  readonly name: string;
  readonly slug: string;
  /** When the slug was reserved for this organization: too long ago, and somebody else may hold it by now. */
  readonly slugReservedAt: EpochMs;
}

/** What is not named stays; `null` removes. The slug never changes. */
export interface ChangeOrganizationProfile {
  readonly type: 'ChangeOrganizationProfile';
  readonly name?: string;
  readonly description?: string | null;
  readonly website?: string | null;
}

/** Of a suspended organization: replaces the reason. */
export interface SuspendOrganization {
  readonly type: 'SuspendOrganization';
  readonly reason: string;
}

export interface ResumeOrganization {
  readonly type: 'ResumeOrganization';
}

export interface CloseOrganization {
  readonly type: 'CloseOrganization';
}

export interface CreateProject {
  readonly type: 'CreateProject';
  readonly projectId: ProjectId;
  readonly name: string;
  readonly teamId?: TeamId;
}

export interface RenameProject {
  readonly type: 'RenameProject';
  readonly projectId: ProjectId;
  readonly name: string;
}

export interface AssignProject {
  readonly type: 'AssignProject';
  readonly projectId: ProjectId;
  /** `null`: to no team. */
  readonly teamId: TeamId | null;
}

/** For good; its name is free again, its history stays. */
export interface ArchiveProject {
  readonly type: 'ArchiveProject';
  readonly projectId: ProjectId;
}

export interface CreateTeam {
  readonly type: 'CreateTeam';
  readonly teamId: TeamId;
  readonly name: string;
}

export interface RenameTeam {
  readonly type: 'RenameTeam';
  readonly teamId: TeamId;
  readonly name: string;
}

export interface CreateServiceAccount {
  readonly type: 'CreateServiceAccount';
  readonly serviceAccountId: ServiceAccountId;
  readonly name: string;
  readonly roles: readonly string[];
}

/** What is not named stays. */
export interface ChangeServiceAccount {
  readonly type: 'ChangeServiceAccount';
  readonly serviceAccountId: ServiceAccountId;
  readonly name?: string;
  readonly roles?: readonly string[];
}

/** For good; its name is free again, its history stays. */
export interface DisableServiceAccount {
  readonly type: 'DisableServiceAccount';
  readonly serviceAccountId: ServiceAccountId;
}

/** The whole list; empty: none but the models that are open to all. */
export interface SetGrantedModels {
  readonly type: 'SetGrantedModels';
  readonly models: readonly string[];
}

export interface SetAnswersStorage {
  readonly type: 'SetAnswersStorage';
  readonly answersStorage: AnswersStorage;
}

/** `null` turns it off. Its scope is the project unless told otherwise. A reused answer is stored, so an organization that forbids storing answers has no cache. */
export interface SetResponseCache {
  readonly type: 'SetResponseCache';
  readonly responseCache: ResponseCache | null;
}

export type OrganizationCommand =
  | RegisterOrganization
  | ChangeOrganizationProfile
  | SuspendOrganization
  | ResumeOrganization
  | CloseOrganization
  | CreateProject
  | RenameProject
  | AssignProject
  | ArchiveProject
  | CreateTeam
  | RenameTeam
  | CreateServiceAccount
  | ChangeServiceAccount
  | DisableServiceAccount
  | SetGrantedModels
  | SetAnswersStorage
  | SetResponseCache;

/**
 * In order of precedence: whether the organization takes commands at all; whether the command makes sense by itself;
 * whether what it names is there; whether it fits what is there.
 */
export const ORGANIZATION_REFUSALS = [
  'organization_not_found',
  'organization_closed',
  'organization_suspended',
  'invalid_name',
  'invalid_slug',
  'invalid_description',
  'invalid_website',
  'invalid_reason',
  'invalid_roles',
  'invalid_models',
  'invalid_response_cache',
  'project_not_found',
  'service_account_not_found',
  'team_not_found',
  'organization_exists',
  'project_exists',
  'team_exists',
  'service_account_exists',
  'slug_reservation_lapsed',
  'project_archived',
  'service_account_disabled',
  'name_taken',
  'limit_reached',
] as const;
export type OrganizationRefusal = Refusal<(typeof ORGANIZATION_REFUSALS)[number]>;

export type OrganizationDecision = Decision<OrganizationEvent, OrganizationRefusal>;

export function no(code: OrganizationRefusal['code'], message: string) {
  return refused<OrganizationRefusal>({ code, message });
}
