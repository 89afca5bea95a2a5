import type { StreamName } from '#kernel';

/** Backends, models and prices are the platform's, not an organization's: one stream holds them all. */
export const CATALOGUE_STREAM = 'catalogue' as StreamName;
