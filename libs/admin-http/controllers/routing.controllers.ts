import { Body, Get, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiQuery } from '@nestjs/swagger';
import type { CommandAnswer } from '#control';
import { findBackend } from '#inference/catalogue';
import { type BackendId, parseId } from '#kernel';
import { ChangeCatalogue } from '../dispatch/commands';
import { BackendServiceDto } from '../dto/routing.dto';
import { accepted, answerOf } from '../edge/answers';
import { Edge } from '../edge/edge';
import { type Exchange, HttpExchange } from '../edge/exchange';
import { countIn, pageOf } from '../edge/pages';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { notFound, Problem } from '../problems/problem';
import { validated } from '../problems/validated-body';
import type { RoutingInsight } from '../routing-insight';
import { BackendView, backendView } from '../views/catalogue.view';
import { RoutedAttemptsView, RoutedBackendView, routedAttemptView, routedBackendView } from '../views/routing.view';
import { AdminController, CommandRoute, ListRoute, ReadRoute } from './route-decorators';

const DECISIONS_MAX = 500;
const DECISIONS_DEFAULT = 50;

@AdminController('backends/:id/service', 'Routing')
export class BackendServiceController {
  constructor(
    private readonly edge: Edge,
    private readonly commands: CommandBus,
  ) {}

  @Post()
  @CommandRoute('Takes a backend out of the way of calls, or back in; those under way go on.', BackendView)
  set(
    @HttpExchange() exchange: Exchange,
    @Param('id') id: string,
    @Body(validated(BackendServiceDto)) { service, reason }: BackendServiceDto,
  ) {
    return this.edge.command(exchange, async (context): Promise<CommandAnswer> => {
      const backendId = parseId('bkd', id);
      if (backendId === undefined) throw notFound('backend');
      const change = { type: 'SetBackendService', id: backendId, service, reason } as const;
      const { aggregate } = accepted(await this.commands.execute(new ChangeCatalogue(context, [change])));
      const backend = findBackend(aggregate.state, backendId);
      if (backend === undefined) throw new Error('an accepted command left no backend');
      return answerOf(aggregate, backendView(backend));
    });
  }
}

@AdminController('routing', 'Routing')
export class RoutingController {
  constructor(
    private readonly edge: Edge,
    @Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions,
  ) {}

  @Get('backends')
  @ListRoute('How well each backend is, as this process sees it since its start.', RoutedBackendView)
  backends(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, () => {
      const statuses = new Map(this.router.statuses().map((status) => [status.backendId, status]));
      const view = (id: BackendId) => {
        const status = statuses.get(id);
        return status && routedBackendView(status);
      };
      return { body: pageOf([...statuses.keys()].sort(), exchange.query, view) };
    });
  }

  @Get('decisions')
  @ApiQuery({ name: 'limit', required: false, type: Number, description: `1 to ${DECISIONS_MAX}; default 50.` })
  @ReadRoute('Where this process has sent its latest calls, the newest first.', RoutedAttemptsView)
  decisions(@HttpExchange() exchange: Exchange) {
    return this.edge.read(exchange, () => {
      const limit = countIn(exchange.query, 'limit', DECISIONS_MAX) ?? DECISIONS_DEFAULT;
      return { body: { data: this.router.recentDecisions(limit).map(routedAttemptView) } };
    });
  }

  private get router(): RoutingInsight {
    const { router } = this.options;
    if (router === undefined)
      throw new Problem(404, 'no_router', 'This process sends no calls to backends: ask one that does.');
    return router;
  }
}
