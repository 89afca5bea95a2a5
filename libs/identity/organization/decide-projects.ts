import type { ProjectId } from '#kernel';
import { accepted } from '#kernel';
import { present } from '../fields';
import { parseName } from '../names';
import type {
  ArchiveProject,
  AssignProject,
  CreateProject,
  CreateTeam,
  OrganizationDecision,
  RenameProject,
  RenameTeam,
} from './commands';
import { no } from './commands';
import { invalidName, isTaken, limitReached, nameTaken, PROJECTS_MAX, TEAMS_MAX } from './naming';
import type { Organization } from './state';

const noProject = () => no('project_not_found', 'The organization has no such project.');
const noTeam = () => no('team_not_found', 'The organization has no such team: create it first.');
const archived = () => no('project_archived', 'The project is archived for good: create a new one.');

/** An archived project's name is free again. */
function projectNameTaken(name: string, self: ProjectId, { projects }: Organization): boolean {
  return isTaken(
    name,
    self,
    projects.valueSeq().filter((project) => !project.archived),
  );
}

export function decideCreateProject(command: CreateProject, organization: Organization): OrganizationDecision {
  const { projectId, teamId } = command;
  const { projects, teams } = organization;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('a project');
  if (teamId !== undefined && !teams.has(teamId)) return noTeam();
  const existing = projects.get(projectId);
  if (existing !== undefined)
    return existing.name === name && existing.teamId === teamId
      ? accepted()
      : no('project_exists', 'Another project has this id: create it under a new one.');
  if (projectNameTaken(name, projectId, organization)) return nameTaken(name);
  if (projects.size >= PROJECTS_MAX) return limitReached(PROJECTS_MAX, 'projects');
  return accepted({ type: 'ProjectCreated', data: { projectId, name, ...present({ teamId }) } });
}

export function decideRenameProject(command: RenameProject, organization: Organization): OrganizationDecision {
  const { projectId } = command;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('a project');
  const project = organization.projects.get(projectId);
  if (project === undefined) return noProject();
  if (project.archived) return archived();
  if (project.name === name) return accepted();
  if (projectNameTaken(name, projectId, organization)) return nameTaken(name);
  return accepted({ type: 'ProjectRenamed', data: { projectId, name } });
}

export function decideAssignProject(command: AssignProject, organization: Organization): OrganizationDecision {
  const { projectId } = command;
  const teamId = command.teamId ?? undefined;
  const project = organization.projects.get(projectId);
  if (project === undefined) return noProject();
  if (teamId !== undefined && !organization.teams.has(teamId)) return noTeam();
  if (project.archived) return archived();
  if (project.teamId === teamId) return accepted();
  return accepted({ type: 'ProjectAssigned', data: { projectId, ...present({ teamId }) } });
}

export function decideArchiveProject({ projectId }: ArchiveProject, organization: Organization): OrganizationDecision {
  const project = organization.projects.get(projectId);
  if (project === undefined) return noProject();
  return project.archived ? accepted() : accepted({ type: 'ProjectArchived', data: { projectId } });
}

export function decideCreateTeam(command: CreateTeam, { teams }: Organization): OrganizationDecision {
  const { teamId } = command;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('a team');
  const existing = teams.get(teamId);
  if (existing !== undefined)
    return existing.name === name
      ? accepted()
      : no('team_exists', 'Another team has this id: create it under a new one.');
  if (isTaken(name, teamId, teams.values())) return nameTaken(name);
  if (teams.size >= TEAMS_MAX) return limitReached(TEAMS_MAX, 'teams');
  return accepted({ type: 'TeamCreated', data: { teamId, name } });
}

export function decideRenameTeam(command: RenameTeam, { teams }: Organization): OrganizationDecision {
  const { teamId } = command;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('a team');
  const team = teams.get(teamId);
  if (team === undefined) return noTeam();
  if (team.name === name) return accepted();
  if (isTaken(name, teamId, teams.values())) return nameTaken(name);
  return accepted({ type: 'TeamRenamed', data: { teamId, name } });
}
