export type * from './types';
export { USAGE_DIMENSIONS, USAGE_OUTCOMES } from './types';
