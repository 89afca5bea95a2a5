export type * from './commands';
export { ORGANIZATION_REFUSALS } from './commands';
export * from './decider';
export * from './events';
export { PROJECTS_MAX, SERVICE_ACCOUNTS_MAX, TEAMS_MAX } from './naming';
export type { Organization, OrganizationState, Project, ServiceAccount, Team } from './state';
export * from './stream';
