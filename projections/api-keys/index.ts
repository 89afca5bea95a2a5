export { API_KEYS_VIEW, apiKeysProjection } from './projection';
export { apiKeyUsage } from './queries';
export type * from './types';
