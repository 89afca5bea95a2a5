import 'reflect-metadata';
import { type DynamicModule, Inject, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { keepAccessTrail } from '#admin-http';
import { AnalyticsController } from './analytics.controller';
import { ANALYTICS_PREFIX, AnalyticsGuard, guardPlane, operatorOf } from './analytics.guard';
import { ANALYTICS_HTTP_OPTIONS, type AnalyticsHttpOptions } from './options';
import { ViewsController } from './views.controller';

/** `/analytics/v1`; failures are answered by the command plane's filter, which is the application's. */
@Module({})
export class AnalyticsHttpModule {
  static register(options: AnalyticsHttpOptions): DynamicModule {
    return {
      module: AnalyticsHttpModule,
      controllers: [AnalyticsController, ViewsController],
      providers: [{ provide: ANALYTICS_HTTP_OPTIONS, useValue: options }, AnalyticsGuard],
    };
  }

  constructor(@Inject(ANALYTICS_HTTP_OPTIONS) options: AnalyticsHttpOptions, host: HttpAdapterHost) {
    const server: FastifyInstance = host.httpAdapter.getInstance();
    guardPlane(server, options);
    keepAccessTrail(server, {
      control: options.control,
      prefix: ANALYTICS_PREFIX,
      accessorOf: operatorOf,
      commandsLeaveEvents: false,
    });
  }
}
