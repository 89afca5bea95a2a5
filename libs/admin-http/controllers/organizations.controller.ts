import { Body, Get, Param, Patch, Post, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { CommandAnswer, OrganizationChange } from '#control';
import type { OrganizationState } from '#identity';
import type { OrganizationId } from '#kernel';
import { ChangeOrganization, RegisterOrganization } from '../dispatch/commands';
import { ListOrganizations } from '../dispatch/queries';
import {
  ChangeOrganizationDto,
  GrantedModelsDto,
  NothingDto,
  ReasonDto,
  RegisterOrganizationDto,
} from '../dto/organizations.dto';
import { accepted, answerOf, createdAnswerOf } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { pageOf } from '../edge/pages';
import { validated } from '../problems/validated-body';
import { GrantedModelsView, OrganizationView, organizationView } from '../views/organizations.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

/** What a command on an organization leaves is registered. */
export function registeredIn(state: OrganizationState) {
  if (state.status === 'none') throw new Error('an accepted command left no organization');
  return { state, organization: state.organization };
}

@AdminController('organizations', 'Organizations')
export class OrganizationsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @CommandRoute('Registers an organization.', OrganizationView, 201)
  register(
    @HttpExchange() exchange: Exchange,
    @Body(validated(RegisterOrganizationDto)) { name, slug }: RegisterOrganizationDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const done = accepted(await this.commands.execute(new RegisterOrganization(context, { name, slug })));
      return createdAnswerOf(done, organizationView(registeredIn(done.aggregate.state)));
    });
  }

  @Get()
  @ListRoute('All organizations, the oldest first.', OrganizationView)
  list(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, async () => {
      const { ids, find } = await this.queries.execute(new ListOrganizations());
      const view = (id: OrganizationId) => {
        const found = find(id);
        return found && organizationView(found);
      };
      return { body: pageOf(ids, exchange.query, view) };
    });
  }

  @Get(':org')
  @ReadRoute('One organization, by id or slug.', OrganizationView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, () => {
      const found = this.edge.organization(exchange, org);
      return { body: organizationView(found), tag: String(found.revision) };
    });
  }

  @Patch(':org')
  @CommandRoute('Changes what is named; null removes.', OrganizationView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(ChangeOrganizationDto)) { answersStorage, responseCache, ...profile }: ChangeOrganizationDto,
  ) {
    return this.changeAs(exchange, org, organizationViewOf, [
      { type: 'ChangeOrganizationProfile', ...profile },
      ...(answersStorage === undefined ? [] : [{ type: 'SetAnswersStorage' as const, answersStorage }]),
      // Events hold plain objects only, and what validation made of the body is an instance of its class.
      ...(responseCache === undefined
        ? []
        : [{ type: 'SetResponseCache' as const, responseCache: responseCache && { ...responseCache } }]),
    ]);
  }

  @Post(':org/suspend')
  @CommandRoute('Suspends it for a time: no call is admitted from the answer on.', OrganizationView)
  suspend(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(ReasonDto)) { reason }: ReasonDto,
  ) {
    return this.changeAs(exchange, org, organizationViewOf, [{ type: 'SuspendOrganization', reason }]);
  }

  @Post(':org/resume')
  @CommandRoute('Ends a suspension.', OrganizationView)
  resume(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Body(validated(NothingDto)) _: NothingDto) {
    return this.changeAs(exchange, org, organizationViewOf, [{ type: 'ResumeOrganization' }]);
  }

  @Post(':org/close')
  @CommandRoute('Closes it for good.', OrganizationView)
  close(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Body(validated(NothingDto)) _: NothingDto) {
    return this.changeAs(exchange, org, organizationViewOf, [{ type: 'CloseOrganization' }]);
  }

  @Get(':org/models')
  @ReadRoute('The models that it may use beyond those that are open to all.', GrantedModelsView)
  grantedModels(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, () => {
      const { organization, revision } = this.edge.organization(exchange, org);
      return { body: { models: organization.grantedModels }, tag: String(revision) };
    });
  }

  @Put(':org/models')
  @CommandRoute('Replaces the models that it may use beyond those that are open to all.', GrantedModelsView)
  grantModels(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(GrantedModelsDto)) { models }: GrantedModelsDto,
  ) {
    return this.changeAs(exchange, org, ({ organization }) => ({ models: organization.grantedModels }), [
      { type: 'SetGrantedModels', models },
    ]);
  }

  private changeAs(
    exchange: Exchange,
    org: string,
    view: (found: ReturnType<typeof registeredIn>) => object,
    changes: readonly OrganizationChange[],
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { id } = this.edge.organization(exchange, org);
      const { aggregate } = accepted(await this.commands.execute(new ChangeOrganization(context, id, changes)));
      return answerOf(aggregate, view(registeredIn(aggregate.state)));
    });
  }
}

function organizationViewOf(found: ReturnType<typeof registeredIn>): object {
  return organizationView(found);
}
