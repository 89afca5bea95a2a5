import { Controller, Get, HttpCode, Inject, Param, Post, Query as QueryString, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#admin-http';
import { present } from '#kernel';
import { QueryRefusedError } from '#read-side';
import { AnalyticsGuard, readerOf } from './analytics.guard';
import { ANALYTICS_HTTP_OPTIONS, type AnalyticsHttpOptions } from './options';
import { type Query, single, wholeNumber } from './parameters';
import { answered } from './refusals';

/** The views themselves, for operations: how far they are, what they could not take in, and building one anew. */
@ApiTags('Analytics')
@ApiBearerAuth()
@UseGuards(AnalyticsGuard)
@Controller('analytics/v1/views')
export class ViewsController {
  constructor(@Inject(ANALYTICS_HTTP_OPTIONS) private readonly options: AnalyticsHttpOptions) {}

  @Get()
  @ApiOperation({ summary: 'How far the views reach, and rebuilds that run or ran.' })
  async status(@Req() request: FastifyRequest) {
    this.operatorsOnly(request);
    const { readSide } = this.options;
    // Whoever asks how a first build gets on gets an answer while there is nothing to read yet.
    const reached = readSide.watermark().catch((error: unknown) => {
      if (error instanceof QueryRefusedError && error.code === 'view_building') return null;
      throw error;
    });
    const watermark = await answered(reached);
    return present({ watermark, rebuilds: readSide.progress() }, 'camel');
  }

  @Get('problems')
  @ApiQuery({ name: 'limit', required: false })
  @ApiQuery({ name: 'after', required: false })
  @ApiOperation({ summary: 'Events that a view could not take in, newest first.' })
  async problems(@Req() request: FastifyRequest, @QueryString() query: Query) {
    this.operatorsOnly(request);
    const after = single(query, 'after');
    const limit = wholeNumber(query, 'limit', 1, 1_000);
    const params = { ...(limit === undefined ? {} : { limit }), ...(after === undefined ? {} : { after }) };
    const { problems, ...page } = await answered(this.options.readSide.query('problems', params));
    return present({ data: problems, ...page }, 'camel');
  }

  @Post(':view/rebuild')
  @HttpCode(202)
  @ApiOperation({ summary: 'Builds a view anew beside the live one, compares and switches.' })
  async rebuild(@Req() request: FastifyRequest, @Param('view') view: string) {
    this.operatorsOnly(request);
    const known = ['usage', 'calls', 'budgets', 'api-keys'];
    if (!known.includes(view)) throw new Problem(404, 'not_found', `A view is one of: ${known.join(', ')}.`);
    await answered(this.options.readSide.rebuild(view));
    return { view, status: 'begun' };
  }

  private operatorsOnly(request: FastifyRequest): void {
    if (readerOf(request).kind !== 'system')
      throw new Problem(403, 'not_permitted', 'Views are looked after with the system token.');
  }
}
