import {
  applyDecorators,
  Controller,
  Get,
  Header,
  Inject,
  Param,
  Query as QueryString,
  Req,
  UseGuards,
} from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#admin-http';
import { type BudgetId, type OrganizationId, type ProjectId, parseId, present } from '#kernel';
import type { CallOutcome, CallsSearchParams } from '#projections/calls';
import { USAGE_OUTCOMES, type UsageFilter, type UsageRangeParams } from '#projections/usage';
import type { FieldNames, QueryName, QueryParams } from '#read-side';
import { AnalyticsGuard, readerOf } from './analytics.guard';
import { ANALYTICS_HTTP_OPTIONS, type AnalyticsHttpOptions } from './options';
import { atLeast, granularity, groupBy, type Query, range, single, timeZone, where, wholeNumber } from './parameters';
import { answered } from './refusals';

const JSON_TYPE = 'application/json; charset=utf-8';

const AT_LEAST = ApiQuery({
  name: 'atLeast',
  required: false,
  description: 'Wait until the views have reached this position.',
});
const LIMIT = ApiQuery({ name: 'limit', required: false, description: '1 to 1,000.' });
const AFTER = ApiQuery({ name: 'after', required: false, description: 'The `next` of the page before.' });

/** Whatever a query may be about, and when; what a route documents is what it takes. */
function FilterQueries(): MethodDecorator {
  return applyDecorators(
    ApiQuery({ name: 'from', required: false, description: 'Inclusive; a date or RFC 3339. Default: seven days ago.' }),
    ApiQuery({ name: 'to', required: false, description: 'Exclusive. Default: now.' }),
    ApiQuery({ name: 'timeZone', required: false, description: 'IANA name; dates, hours and days are local ones.' }),
    ApiQuery({ name: 'where', required: false, isArray: true, type: String, description: '<dimension>:<value>.' }),
    AT_LEAST,
  );
}

/** What every report takes. */
function RangeQueries(): MethodDecorator {
  return applyDecorators(
    FilterQueries(),
    ApiQuery({ name: 'granularity', required: false, enum: ['hour', 'day', 'month', 'total'] }),
    ApiQuery({
      name: 'groupBy',
      required: false,
      isArray: true,
      type: String,
      description: 'Dimensions, separated by commas or repeated.',
    }),
  );
}

function callOutcome(text: string): CallOutcome {
  const known = [...USAGE_OUTCOMES, 'open' as const].find((outcome) => outcome === text);
  if (known === undefined)
    throw new Problem(422, 'invalid_request', `An outcome is open or one of: ${USAGE_OUTCOMES.join(', ')}.`);
  return known;
}

/** Whoever asks for another project gets an answer about nothing, and never its own numbers in place of it. */
function withinProject(filter: UsageFilter, projectId: ProjectId): UsageFilter {
  const { project = [projectId] } = filter;
  return { ...filter, project: project.filter((id) => id === projectId) };
}

/** Questions to the views. Every answer says how far the record behind it reaches. */
@ApiTags('Analytics')
@ApiBearerAuth()
@UseGuards(AnalyticsGuard)
@Controller('analytics/v1/organizations/:org')
export class AnalyticsController {
  constructor(@Inject(ANALYTICS_HTTP_OPTIONS) private readonly options: AnalyticsHttpOptions) {}

  @Get('usage')
  @Header('content-type', JSON_TYPE)
  @RangeQueries()
  @ApiOperation({ summary: 'Calls, tokens by bucket and cost.' })
  usage(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const params = this.rangeOf(request, org, query);
    return this.report(query, 'usageReport', params);
  }

  @Get('latency')
  @Header('content-type', JSON_TYPE)
  @RangeQueries()
  @ApiOperation({ summary: 'Latency and time to first byte: p50, p95, p99.' })
  latency(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const params = this.rangeOf(request, org, query);
    return this.report(query, 'latencyReport', params);
  }

  @Get('errors')
  @Header('content-type', JSON_TYPE)
  @RangeQueries()
  @ApiOperation({ summary: 'Error rate, and errors by outcome and code.' })
  errors(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const params = this.rangeOf(request, org, query);
    return this.report(query, 'errorsReport', params);
  }

  @Get('calls')
  @Header('content-type', JSON_TYPE)
  @FilterQueries()
  @LIMIT
  @AFTER
  @ApiOperation({ summary: 'Single calls, newest first.' })
  calls(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const scope = this.scope(request, org);
    const { team, 'served-from': servedFrom, 'api-key': apiKey, outcome, ...rest } = scope.where(where(query));
    if (team !== undefined)
      throw new Problem(422, 'invalid_request', 'Calls are not searched by team: name its projects.');
    if (servedFrom !== undefined)
      throw new Problem(422, 'invalid_request', 'Calls are not searched by what served them: usage is split by it.');
    const after = single(query, 'after');
    const limit = wholeNumber(query, 'limit', 1, 1_000);
    const params: CallsSearchParams = {
      orgId: scope.orgId,
      ...range(query, this.options.timeOf(scope.orgId)),
      where: {
        ...rest,
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(outcome === undefined ? {} : { outcome: outcome.map(callOutcome) }),
      },
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    };
    return this.report(query, 'callsSearch', params, { calls: 'data' });
  }

  @Get('budgets/:id/history')
  @AT_LEAST
  @LIMIT
  @AFTER
  @ApiOperation({ summary: 'What a budget counted, period by period, and how it was changed.' })
  budgetHistory(
    @Req() request: FastifyRequest,
    @Param('org') org: string,
    @Param('id') id: string,
    @QueryString() query: Query,
  ) {
    const { orgId } = this.wholeOrganization(request, org);
    const budgetId: BudgetId | undefined = parseId('bgt', id);
    return this.ask(query, async () => {
      const after = single(query, 'after');
      const periodsMax = wholeNumber(query, 'limit', 1, 1_000);
      const page = {
        ...(periodsMax === undefined ? {} : { periodsMax }),
        ...(after === undefined ? {} : { after }),
      };
      const { readSide } = this.options;
      const answer =
        budgetId === undefined ? undefined : await readSide.query('budgetHistory', { orgId, budgetId, ...page });
      if (answer === undefined || answer.budget === null)
        throw new Problem(404, 'not_found', 'There is no such budget, or it is not yours.');
      const { budget, periods, next, watermark } = answer;
      // Periods are counted in the budget's unit, which stands beside them.
      const shown = present(periods, 'camel', budget.unit === 'cost' ? 'money' : 'numbers');
      return { budget, periods: shown, next, watermark };
    });
  }

  @Get('api-keys')
  @Header('content-type', JSON_TYPE)
  @AT_LEAST
  @LIMIT
  @AFTER
  @ApiOperation({ summary: 'Keys with their last use and totals.' })
  apiKeys(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const { orgId, projectId } = this.scope(request, org);
    const after = single(query, 'after');
    const limit = wholeNumber(query, 'limit', 1, 1_000);
    const params = {
      orgId,
      ...(projectId === undefined ? {} : { projectId }),
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    };
    return this.report(query, 'apiKeyUsage', params, { keys: 'data' });
  }

  @Get('freshness')
  @AT_LEAST
  @ApiOperation({ summary: 'How far the views reach, and how many calls are not final yet.' })
  freshness(@Req() request: FastifyRequest, @Param('org') org: string, @QueryString() query: Query) {
    const { orgId, projectId } = this.scope(request, org);
    const params = { orgId, ...(projectId === undefined ? {} : { projectId }) };
    return this.ask(query, () => this.options.readSide.query('freshness', params));
  }

  private rangeOf(request: FastifyRequest, org: string, query: Query): UsageRangeParams {
    const scope = this.scope(request, org);
    const zone = timeZone(query);
    return {
      orgId: scope.orgId,
      ...range(query, this.options.timeOf(scope.orgId)),
      granularity: granularity(query),
      groupBy: groupBy(query),
      where: scope.where(where(query)),
      ...(zone === undefined ? {} : { timeZone: zone }),
    };
  }

  /** What the reader may see: an API key its own project only, whatever it asks for. */
  private scope(request: FastifyRequest, org: string) {
    const reader = readerOf(request);
    const named =
      org === 'me' && reader.kind === 'api-key' ? reader.orgId : this.options.control.findOrganization(org)?.id;
    const isForeign = named !== undefined && reader.kind === 'api-key' && named !== reader.orgId;
    if (isForeign)
      this.options.control.authenticationFailures.record(request.ip, 'foreign_id', { keyId: reader.keyId });
    if (named === undefined || isForeign)
      throw new Problem(404, 'not_found', 'There is no such organization, or it is not yours.');
    const orgId: OrganizationId = named;
    if (reader.kind === 'system') return { orgId, projectId: undefined, where: (filter: UsageFilter) => filter };
    const { projectId } = reader;
    return { orgId, projectId, where: (filter: UsageFilter) => withinProject(filter, projectId) };
  }

  private wholeOrganization(request: FastifyRequest, org: string) {
    const scope = this.scope(request, org);
    if (scope.projectId !== undefined)
      throw new Problem(403, 'not_permitted', 'An API key sees its own project only; budgets need a token.');
    return scope;
  }

  /** A question whose answer may be large: it arrives as bytes, which this thread only passes on. */
  private report<N extends QueryName>(query: Query, name: N, params: QueryParams<N>, names?: FieldNames) {
    return this.asked(query, async () => {
      const bytes = await this.options.readSide.queryJson(name, params, names);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    });
  }

  private ask(query: Query, question: () => Promise<object>): Promise<unknown> {
    return this.asked(query, async () => present(await question(), 'camel'));
  }

  private async asked<T>(query: Query, question: () => Promise<T>): Promise<T> {
    const position = atLeast(query);
    if (position !== undefined && !(await this.options.readSide.waitFor(position)))
      throw new Problem(503, 'position_not_reached', 'The views have not reached that position yet: try again.', {
        headers: { 'retry-after': '1' },
      });
    return answered(question());
  }
}
