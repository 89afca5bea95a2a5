import { Body, Delete, Get, Param, Patch, Post, Put } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { CommandAnswer, LedgerEdited } from '#control';
import type { Organization } from '#identity';
import { type BudgetId, parseId, parseModelId } from '#kernel';
import {
  type BudgetScope,
  type BudgetUnit,
  budgetTag,
  DEFAULT_THRESHOLDS,
  budgetView as ledgerBudgetView,
  limitsOf,
  limitsTag,
} from '#ledger';
import { ChangeLedger, EditLedger } from '../dispatch/commands';
import { FindApiKey, ReadLedger } from '../dispatch/queries';
import { type BudgetScopeDto, ChangeBudgetDto, DefineBudgetDto, LimitsDto } from '../dto/ledger.dto';
import { type Body as AnswerBody, acceptedByLedger } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { pageOf } from '../edge/pages';
import { invalidField, notFound } from '../problems/problem';
import { validated } from '../problems/validated-body';
import {
  AMOUNT_RULES,
  BudgetView,
  budgetBody,
  LimitsView,
  limitsBody,
  parseAmount,
  wantedLimits,
} from '../views/ledger.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

function amount(unit: BudgetUnit, text: string): bigint {
  const parsed = parseAmount(unit, text);
  if (parsed === undefined) throw invalidField('/limit', AMOUNT_RULES[unit]);
  return parsed;
}

@AdminController('organizations/:org/budgets', 'Budgets')
export class BudgetsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @CommandRoute('Defines a budget; it counts from now on.', BudgetView, 201)
  define(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Body(validated(DefineBudgetDto)) body: DefineBudgetDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { id: orgId, organization } = this.edge.organization(exchange, org);
      const { name, unit, period, mode, thresholds = [...DEFAULT_THRESHOLDS], timeZone = 'UTC' } = body;
      const scope = await this.scopeOf(organization, body.scope);
      const budgetId = context.identifiers.id('bgt');
      const limit = amount(unit, body.limit);
      const definition = { name, scope, unit, period, limit, mode, thresholds, timeZone };
      const change = { type: 'DefineBudget', budgetId, ...definition } as const;
      const done = await this.commands.execute(new ChangeLedger(context, orgId, change));
      return this.answer(done, budgetId, 201);
    });
  }

  @Get()
  @ListRoute('The budgets of an organization, ended ones too, and how they stand.', BudgetView)
  list(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, async () => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { state, at } = await this.queries.execute(new ReadLedger(orgId));
      const ids = [...state.budgets.keys()].sort();
      const view = (id: BudgetId) => {
        const found = ledgerBudgetView(state, id, at);
        return found && budgetBody(found);
      };
      return { body: pageOf(ids, exchange.query, view) };
    });
  }

  @Get(':id')
  @ReadRoute('One budget and how it stands.', BudgetView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.edge.read(exchange, async () => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { state, at } = await this.queries.execute(new ReadLedger(orgId));
      const found = ledgerBudgetView(state, budgetIdOf(id), at);
      if (found === undefined) throw notFound('budget');
      return { body: budgetBody(found), tag: budgetTag(found) };
    });
  }

  @Patch(':id')
  @CommandRoute('Changes what is named; what was spent stays counted.', BudgetView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('org') org: string,
    @Param('id') id: string,
    @Body(validated(ChangeBudgetDto)) { limit, ...body }: ChangeBudgetDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const budgetId = budgetIdOf(id);
      const { state } = await this.queries.execute(new ReadLedger(orgId));
      const unit = state.budgets.get(budgetId)?.definition.unit;
      if (unit === undefined) throw notFound('budget');
      const limitNow = limit === undefined ? {} : { limit: amount(unit, limit) };
      const change = { type: 'ChangeBudget', budgetId, ...body, ...limitNow } as const;
      return this.answer(await this.commands.execute(new EditLedger(context, orgId, change)), budgetId);
    });
  }

  @Delete(':id')
  @CommandRoute('Ends it: it counts no further call; its history stays.', BudgetView)
  end(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Param('id') id: string) {
    return this.edge.command(exchange, async (context) => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const budgetId = budgetIdOf(id);
      const change = { type: 'EndBudget', budgetId } as const;
      return this.answer(await this.commands.execute(new EditLedger(context, orgId, change)), budgetId);
    });
  }

  /** What a budget counts has to be the organization's own; a model may be still to come. */
  private async scopeOf(organization: Organization, { type, id = '' }: BudgetScopeDto): Promise<BudgetScope> {
    switch (type) {
      case 'organization':
        if (id !== '') throw invalidField('/scope/id', 'The scope of the organization has no id.');
        return { type };
      case 'team': {
        const teamId = parseId('team', id);
        if (teamId === undefined || !organization.teams.has(teamId)) throw notFound('team');
        return { type, id: teamId };
      }
      case 'project': {
        const projectId = parseId('prj', id);
        if (projectId === undefined || !organization.projects.has(projectId)) throw notFound('project');
        return { type, id: projectId };
      }
      case 'api-key': {
        const keyId = parseId('key', id);
        const found = keyId && (await this.queries.execute(new FindApiKey(organization.id, keyId)));
        if (found === undefined) throw notFound('key');
        return { type, id: found.key.id };
      }
      case 'model': {
        const modelId = parseModelId(id);
        if (modelId === undefined) throw invalidField('/scope/id', 'id is the id of a model.');
        return { type, id: modelId };
      }
    }
  }

  private answer(edited: LedgerEdited, budgetId: BudgetId, statusOfChange: 200 | 201 = 200): CommandAnswer {
    const { state, position, changed } = acceptedByLedger(edited);
    const view = ledgerBudgetView(state, budgetId, state.time);
    if (view === undefined) throw new Error('an accepted command left no budget');
    const body: AnswerBody = { ...budgetBody(view) };
    return { status: changed ? statusOfChange : 200, body, etag: budgetTag(view), position: String(position) };
  }
}

function budgetIdOf(text: string): BudgetId {
  const id = parseId('bgt', text);
  if (id === undefined) throw notFound('budget');
  return id;
}

@AdminController('organizations/:org/limits', 'Limits')
export class LimitsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get()
  @ReadRoute('The rate limits of all its keys together; what is absent is not limited.', LimitsView)
  get(@HttpExchange() exchange: Exchange, @Param('org') org: string) {
    return this.edge.read(exchange, async () => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const { state } = await this.queries.execute(new ReadLedger(orgId));
      const { organizationLimits: limits } = state;
      return { body: limitsBody(limits), tag: limitsTag(limits) };
    });
  }

  @Put()
  @CommandRoute('Replaces the rate limits of all its keys together; what is absent is not limited.', LimitsView)
  set(@HttpExchange() exchange: Exchange, @Param('org') org: string, @Body(validated(LimitsDto)) limits: LimitsDto) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const { id: orgId } = this.edge.organization(exchange, org);
      const target = { type: 'organization' } as const;
      const change = { type: 'SetLimits', target, limits: wantedLimits(limits) } as const;
      const done = acceptedByLedger(await this.commands.execute(new EditLedger(context, orgId, change)));
      const now = limitsOf(done.state, target);
      return { status: 200, body: { ...limitsBody(now) }, etag: limitsTag(now), position: String(done.position) };
    });
  }
}
