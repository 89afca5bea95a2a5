export { errorsReport } from './errors-report';
export { REPORT_ROWS_MAX } from './grouped';
export { latencyReport } from './latency-report';
export { USAGE_VIEW, usageProjection } from './projection';
export { freshness, NO_TOTALS, projectUsageTotals, totalsByKey, usageReport } from './queries';
export { STRETCHES_MAX } from './ranges';
export type * from './types';
export { USAGE_DIMENSIONS, USAGE_OUTCOMES } from './types';
