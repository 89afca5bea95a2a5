export type * from './port';
export type * from './problems';
export type * from './queries';
