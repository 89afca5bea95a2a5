import 'reflect-metadata';
import { type DynamicModule, Module } from '@nestjs/common';
import { AnalyticsController } from './analytics.controller';
import { AnalyticsGuard } from './analytics.guard';
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
}
