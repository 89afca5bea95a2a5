export { evolveCall, organizationOf } from './evolve';
export { type UnsettledCalls, unsettledCalls, watermarkOf } from './freshness';
export { CALLS_VIEW, callsProjection } from './projection';
export { callById, callsSearch } from './queries';
export type * from './types';
