export { AnalyticsHttpModule } from './analytics-http.module';
export type { AnalyticsHttpOptions } from './options';
