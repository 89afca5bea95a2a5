import { Body, Delete, Get, Param, Patch, Post } from '@nestjs/common';
import type { OrganizationChange } from '#control';
import type { Project, ServiceAccount, Team } from '#identity';
import { type ProjectId, parseId, type ServiceAccountId, type TeamId } from '#kernel';
import {
  ChangeProjectDto,
  ChangeServiceAccountDto,
  CreateProjectDto,
  CreateServiceAccountDto,
  NameDto,
} from '../dto/organizations.dto';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { OrganizationParts, type PartKind } from '../edge/organization-parts';
import { validated } from '../problems/validated-body';
import {
  ProjectView,
  projectView,
  ServiceAccountView,
  serviceAccountView,
  TeamView,
  teamView,
} from '../views/organizations.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

const PROJECT: PartKind<ProjectId, Project> = {
  name: 'project',
  parse: (id) => parseId('prj', id),
  in: ({ projects }) => projects,
  view: projectView,
};

@AdminController('organizations/:org/projects', 'Projects')
export class ProjectsController {
  constructor(private readonly parts: OrganizationParts) {}

  @Post()
  @CommandRoute('Creates a project; keys belong to one.', ProjectView, 201)
  create(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(CreateProjectDto)) { name, teamId }: CreateProjectDto,
  ) {
    return this.parts.create(PROJECT, exchange, org, ({ identifiers }) => {
      const id = identifiers.id('prj');
      const team = teamId === undefined ? {} : { teamId };
      return { id, change: { type: 'CreateProject', projectId: id, name, ...team } };
    });
  }

  @Get()
  @ListRoute('The projects of an organization, archived ones too.', ProjectView)
  list(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.parts.list(PROJECT, exchange, org);
  }

  @Get(':id')
  @ReadRoute('One project.', ProjectView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.parts.get(PROJECT, exchange, org, id);
  }

  @Patch(':id')
  @CommandRoute('Renames it, or moves it to another team; later calls count there.', ProjectView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(ChangeProjectDto)) { name, teamId }: ChangeProjectDto,
  ) {
    return this.parts.change(PROJECT, exchange, org, id, (projectId): readonly OrganizationChange[] => [
      ...(name === undefined ? [] : [{ type: 'RenameProject' as const, projectId, name }]),
      ...(teamId === undefined ? [] : [{ type: 'AssignProject' as const, projectId, teamId }]),
    ]);
  }

  @Delete(':id')
  @CommandRoute('Archives it for good: its keys call no more, its history stays.', ProjectView)
  archive(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.parts.change(PROJECT, exchange, org, id, (projectId) => [{ type: 'ArchiveProject', projectId }]);
  }
}

const TEAM: PartKind<TeamId, Team> = {
  name: 'team',
  parse: (id) => parseId('team', id),
  in: ({ teams }) => teams,
  view: teamView,
};

@AdminController('organizations/:org/teams', 'Teams')
export class TeamsController {
  constructor(private readonly parts: OrganizationParts) {}

  @Post()
  @CommandRoute('Creates a team; projects may belong to one.', TeamView, 201)
  create(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Body(validated(NameDto)) { name }: NameDto) {
    return this.parts.create(TEAM, exchange, org, ({ identifiers }) => {
      const id = identifiers.id('team');
      return { id, change: { type: 'CreateTeam', teamId: id, name } };
    });
  }

  @Get()
  @ListRoute('The teams of an organization.', TeamView)
  list(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.parts.list(TEAM, exchange, org);
  }

  @Get(':id')
  @ReadRoute('One team.', TeamView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.parts.get(TEAM, exchange, org, id);
  }

  @Patch(':id')
  @CommandRoute('Renames it.', TeamView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(NameDto)) { name }: NameDto,
  ) {
    return this.parts.change(TEAM, exchange, org, id, (teamId) => [{ type: 'RenameTeam', teamId, name }]);
  }
}

const SERVICE_ACCOUNT: PartKind<ServiceAccountId, ServiceAccount> = {
  name: 'service account',
  parse: (id) => parseId('sa', id),
  in: ({ serviceAccounts }) => serviceAccounts,
  view: serviceAccountView,
};

@AdminController('organizations/:org/service-accounts', 'Service accounts')
export class ServiceAccountsController {
  constructor(private readonly parts: OrganizationParts) {}

  @Post()
  @CommandRoute('Creates a service account, for programs.', ServiceAccountView, 201)
  create(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(CreateServiceAccountDto)) { name, roles }: CreateServiceAccountDto,
  ) {
    return this.parts.create(SERVICE_ACCOUNT, exchange, org, ({ identifiers }) => {
      const id = identifiers.id('sa');
      return { id, change: { type: 'CreateServiceAccount', serviceAccountId: id, name, roles } };
    });
  }

  @Get()
  @ListRoute('The service accounts of an organization, disabled ones too.', ServiceAccountView)
  list(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.parts.list(SERVICE_ACCOUNT, exchange, org);
  }

  @Get(':id')
  @ReadRoute('One service account.', ServiceAccountView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.parts.get(SERVICE_ACCOUNT, exchange, org, id);
  }

  @Patch(':id')
  @CommandRoute('Changes its name or roles.', ServiceAccountView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(ChangeServiceAccountDto)) body: ChangeServiceAccountDto,
  ) {
    return this.parts.change(SERVICE_ACCOUNT, exchange, org, id, (serviceAccountId) => [
      { type: 'ChangeServiceAccount', serviceAccountId, ...body },
    ]);
  }

  @Delete(':id')
  @CommandRoute('Disables it for good.', ServiceAccountView)
  disable(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.parts.change(SERVICE_ACCOUNT, exchange, org, id, (serviceAccountId) => [
      { type: 'DisableServiceAccount', serviceAccountId },
    ]);
  }
}
