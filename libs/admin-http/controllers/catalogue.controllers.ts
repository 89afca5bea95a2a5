import { Body, Delete, Get, Inject, Param, Patch, Post } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiExtraModels, ApiQuery, getSchemaPath } from '@nestjs/swagger';
import type { CommandAnswer, CommandContext, OpenBackendSettings } from '#control';
import {
  type CatalogueCommand,
  type CatalogueState,
  findBackend,
  findBackendByName,
  type Model,
  type PriceVersion,
  type RouteSettings,
} from '#inference/catalogue';
import { type BackendId, type EpochMs, type ModelId, parseId, usd } from '#kernel';
import { ChangeBackend, ChangeCatalogue, RegisterBackend } from '../dispatch/commands';
import { ReadCatalogue } from '../dispatch/queries';
import {
  ChangeBackendDto,
  ChangeModelDto,
  LiftStopDto,
  PricesDto,
  RegisterBackendDto,
  RegisterModelDto,
  ReopenRouteDto,
  type RouteDto,
  WithdrawPricesDto,
} from '../dto/catalogue.dto';
import { NothingDto } from '../dto/organizations.dto';
import { instant } from '../dto/rules';
import { accepted, answerOf, createdAnswerOf } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { pageOf, type Query, refuseParameters } from '../edge/pages';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { invalidField, notFound } from '../problems/problem';
import { validated } from '../problems/validated-body';
import {
  BackendView,
  backendView,
  ModelView,
  modelView,
  PricesView,
  pricesView,
  RemovedView,
} from '../views/catalogue.view';
import { modelPathOf } from './model-path';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

const MODEL_COMMANDS = [PricesDto, WithdrawPricesDto, ReopenRouteDto, LiftStopDto] as const;

type StreamUsage = { readonly streamUsage?: 'yes' | 'no' };

function settingsOf<T extends StreamUsage>({ streamUsage, ...settings }: T) {
  return { ...settings, ...(streamUsage === undefined ? {} : { streamUsage: streamUsage === 'yes' }) };
}

@AdminController('backends', 'Backends')
export class BackendsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    @Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions,
  ) {}

  @Post()
  @CommandRoute('Registers a backend; its credential is stored encrypted and never shown.', BackendView, 201)
  register(
    @HttpExchange() exchange: Exchange,
    @Body(validated(RegisterBackendDto)) { kind, ...body }: RegisterBackendDto,
  ) {
    this.checkAddress(body.baseUrl);
    return this.edge.command(exchange, async (context) => {
      const settings: OpenBackendSettings = settingsOf(body);
      const executed = await this.commands.execute(new RegisterBackend(context, kind, settings));
      const done = accepted(executed);
      return createdAnswerOf(done, bodyOfBackend(done.aggregate.state, executed.backendId));
    });
  }

  @Get()
  @ListRoute('All backends.', BackendView)
  list(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, async () => {
      const { state } = await this.queries.execute(new ReadCatalogue());
      return { body: pageOf([...state.backends.keys()].sort(), exchange.query, (id) => bodyOfBackend(state, id)) };
    });
  }

  @Get(':id')
  @ReadRoute('One backend, without its credential.', BackendView)
  get(@HttpExchange() exchange: Exchange, @Param('id') id: string) {
    return this.edge.read(exchange, async () => {
      const { state, revision } = await this.queries.execute(new ReadCatalogue());
      return { body: bodyOfBackend(state, backendIdOf(id)), tag: String(revision) };
    });
  }

  @Patch(':id')
  @CommandRoute('Changes what is named; a credential of null is removed.', BackendView)
  change(
    @HttpExchange() exchange: Exchange,
    @Param('id') id: string,
    @Body(validated(ChangeBackendDto)) body: ChangeBackendDto,
  ) {
    this.checkAddress(body.baseUrl);
    return this.edge.command(exchange, async (context) => {
      const backendId = backendIdOf(id);
      const command = new ChangeBackend(context, backendId, settingsOf(body));
      const { aggregate } = accepted(await this.commands.execute(command));
      return answerOf(aggregate, bodyOfBackend(aggregate.state, backendId));
    });
  }

  @Delete(':id')
  @CommandRoute('Removes a backend that no model routes to.', RemovedView)
  remove(@HttpExchange() exchange: Exchange, @Param('id') id: string) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const backendId = backendIdOf(id);
      const command = new ChangeCatalogue(context, [{ type: 'RemoveBackend', id: backendId }]);
      const { aggregate } = accepted(await this.commands.execute(command));
      return answerOf(aggregate, { id: backendId, status: 'removed' });
    });
  }

  /** What is no URL is refused by the command itself. */
  private checkAddress(baseUrl: string | undefined): void {
    if (baseUrl === undefined || !URL.canParse(baseUrl)) return;
    const refusal = this.options.refusalOfBaseUrl?.(new URL(baseUrl));
    if (refusal !== undefined) throw invalidField('/baseUrl', refusal);
  }
}

@AdminController('models', 'Models and prices')
export class ModelsController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Post()
  @CommandRoute('Registers a model; without prices it cannot be called.', ModelView, 201)
  register(
    @HttpExchange() exchange: Exchange,
    @Body(validated(RegisterModelDto)) { routes, prices, bounds, ...body }: RegisterModelDto,
  ) {
    return this.edge.command(exchange, async (context) => {
      const { state } = await this.queries.execute(new ReadCatalogue());
      const modelId = body.id as ModelId;
      const model = { ...body, routes: routesIn(state, routes), ...(bounds === undefined ? {} : { bounds }) };
      const changes: CatalogueCommand[] = [{ type: 'RegisterModel', ...model }];
      if (prices !== undefined) changes.push(setPrices(context, modelId, prices));
      const done = accepted(await this.commands.execute(new ChangeCatalogue(context, changes)));
      return createdAnswerOf(done, bodyOfModel(done.aggregate.state, modelId, context));
    });
  }

  @Get()
  @ListRoute('All models, with their prices of now.', ModelView)
  list(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, async () => {
      const { state, at } = await this.queries.execute(new ReadCatalogue());
      const ids = [...state.models.keys()].sort();
      return { body: pageOf(ids, exchange.query, (id) => bodyOfModel(state, id, { at })) };
    });
  }

  @Get('*')
  @ReadRoute('`…/{id}`: one model; the id may hold slashes. `…/{id}/prices`: its price versions.', ModelView)
  @ApiQuery({ name: 'limit', required: false, type: Number, description: 'Of `…/{id}/prices`: 1 to 200; default 50.' })
  @ApiQuery({ name: 'after', required: false, type: String, description: 'Of `…/{id}/prices`: the `next` of before.' })
  get(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, async () => {
      const { state, revision, at } = await this.queries.execute(new ReadCatalogue());
      const { part, modelId } = modelPathOf(exchange);
      const tag = String(revision);
      if (part === 'model') refuseParameters(exchange.query, ['limit', 'after']);
      if (part === 'model') return { body: bodyOfModel(state, modelId, { at }), tag };
      if (part !== 'prices') throw notFound('path');
      return { body: pageOfPrices(modelIn(state, modelId), exchange.query, at), tag };
    });
  }

  @Post('*')
  @ApiExtraModels(...MODEL_COMMANDS, PricesView)
  @ApiBody({ schema: { oneOf: MODEL_COMMANDS.map((dto) => ({ $ref: getSchemaPath(dto) })) } })
  @CommandRoute(
    '`…/{id}/prices`: sets prices, beside those that are to begin later. `…/{id}/prices/withdraw`: prices that have not begun never do. `…/{id}/reopen`: opens a closed route again. `…/{id}/lift-stop`: lets a key or an organization call it again.',
    ModelView,
  )
  async command(@HttpExchange() exchange: Exchange, @Body() body: unknown) {
    const { part, modelId } = modelPathOf(exchange);
    switch (part) {
      case 'prices': {
        const prices = (await validated(PricesDto).transform(body, { type: 'body' })) as PricesDto;
        return this.edge.command(exchange, async (context) => {
          const change = setPrices(context, modelId, prices);
          return this.change(context, modelId, () => [change]);
        });
      }
      case 'prices/withdraw': {
        const { version } = (await validated(WithdrawPricesDto).transform(body, { type: 'body' })) as WithdrawPricesDto;
        return this.edge.command(exchange, (context) =>
          this.change(context, modelId, () => [{ type: 'WithdrawPrices', at: context.at, modelId, version }]),
        );
      }
      case 'reopen': {
        const route = (await validated(ReopenRouteDto).transform(body, { type: 'body' })) as ReopenRouteDto;
        return this.edge.command(exchange, (context) =>
          this.change(context, modelId, (state) => {
            const { backendId, upstreamModel } = routeIn(state, route, '/backend');
            return [{ type: 'ReopenRoute', modelId, backendId, upstreamModel }];
          }),
        );
      }
      case 'lift-stop': {
        const stop = (await validated(LiftStopDto).transform(body, { type: 'body' })) as LiftStopDto;
        const change = liftStop(modelId, stop);
        return this.edge.command(exchange, (context) => this.change(context, modelId, () => [change]));
      }
      case 'model':
        throw notFound('path');
    }
  }

  @Patch('*')
  @CommandRoute('Changes what is named; bounds are declared as a whole.', ModelView)
  patch(
    @HttpExchange() exchange: Exchange,
    @Body(validated(ChangeModelDto)) { routes, bounds, ...body }: ChangeModelDto,
  ) {
    const modelId = onlyModel(exchange);
    return this.edge.command(exchange, (context) =>
      this.change(context, modelId, (state) => [
        { type: 'ChangeModel', id: modelId, ...body, ...(routes && { routes: routesIn(state, routes) }) },
        ...(bounds === undefined ? [] : [{ type: 'DeclareBounds' as const, modelId, bounds }]),
      ]),
    );
  }

  @Delete('*')
  @CommandRoute('Retires a model: it is called no more; its prices stay on record.', RemovedView)
  retire(@HttpExchange() exchange: Exchange, @Body(validated(NothingDto)) _: NothingDto) {
    const modelId = onlyModel(exchange);
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const command = new ChangeCatalogue(context, [{ type: 'RetireModel', id: modelId }]);
      const { aggregate } = accepted(await this.commands.execute(command));
      return answerOf(aggregate, { id: modelId, status: 'retired' });
    });
  }

  private async change(
    context: CommandContext,
    modelId: ModelId,
    changesIn: (state: CatalogueState) => readonly CatalogueCommand[],
  ): Promise<CommandAnswer> {
    const { state } = await this.queries.execute(new ReadCatalogue());
    const command = new ChangeCatalogue(context, changesIn(state));
    const { aggregate } = accepted(await this.commands.execute(command));
    return answerOf(aggregate, bodyOfModel(aggregate.state, modelId, context));
  }
}

function backendIdOf(text: string): BackendId {
  const id = parseId('bkd', text);
  if (id === undefined) throw notFound('backend');
  return id;
}

function bodyOfBackend(state: CatalogueState, id: BackendId): BackendView {
  const backend = findBackend(state, id);
  if (backend === undefined) throw notFound('backend');
  return backendView(backend);
}

function modelIn(state: CatalogueState, id: ModelId): Model {
  const model = state.models.get(id);
  if (model === undefined) throw notFound('model');
  return model;
}

function bodyOfModel(state: CatalogueState, id: ModelId, { at }: Pick<CommandContext, 'at'>): ModelView {
  return modelView(modelIn(state, id), state, at);
}

/** In the order in which they begin: padded, so that the cursors of the list ascend. */
function pageOfPrices(model: Model, query: Query, at: EpochMs) {
  const idOf = ({ effectiveFrom, version }: PriceVersion) =>
    `${String(effectiveFrom).padStart(16, '0')}-${String(version).padStart(10, '0')}`;
  const versions = new Map(model.prices.map((prices) => [idOf(prices), prices]));
  return pageOf([...versions.keys()].sort(), query, (id) => {
    const found = versions.get(id);
    return found && pricesView(found, model, at);
  });
}

function onlyModel(exchange: Exchange): ModelId {
  const { part, modelId } = modelPathOf(exchange);
  if (part !== 'model') throw notFound('path');
  return modelId;
}

/** A route names its backend by id or by name. */
function routeIn(state: CatalogueState, { backend, ...route }: RouteDto, pointer: string): RouteSettings {
  const id = parseId('bkd', backend);
  const found = id === undefined ? findBackendByName(state, backend) : findBackend(state, id);
  if (found === undefined) throw invalidField(pointer, 'There is no backend of this id or name: register it first.');
  return { backendId: found.id, ...route };
}

function routesIn(state: CatalogueState, routes: readonly RouteDto[]): readonly RouteSettings[] {
  return routes.map((route, index) => routeIn(state, route, `/routes/${index}/backend`));
}

function liftStop(modelId: ModelId, { organizationId, apiKeyId }: LiftStopDto): CatalogueCommand {
  const organization = parseId('org', organizationId);
  if (organization === undefined) throw invalidField('/organizationId', 'Name the organization by its id.');
  const keyId = apiKeyId === undefined ? undefined : parseId('key', apiKeyId);
  if (apiKeyId !== undefined && keyId === undefined) throw invalidField('/apiKeyId', 'Name the key by its id.');
  return { type: 'LiftModelStop', modelId, organizationId: organization, ...(keyId && { keyId }) };
}

function setPrices({ at }: CommandContext, modelId: ModelId, body: PricesDto): CatalogueCommand {
  const { effectiveFrom, input, cachedInput, cacheWrite, output } = body;
  return {
    type: 'SetPrices',
    at,
    modelId,
    ...(effectiveFrom === undefined ? {} : { effectiveFrom: instant(effectiveFrom) }),
    prices: {
      input: usd(input),
      ...(cachedInput === undefined ? {} : { cachedInput: usd(cachedInput) }),
      ...(cacheWrite === undefined ? {} : { cacheWrite: usd(cacheWrite) }),
      output: usd(output),
    },
  };
}
