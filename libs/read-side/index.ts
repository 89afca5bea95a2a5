export { QueryRefusedError } from '#projections/common';
export { PROBLEMS_MAX } from './host';
export type * from './port';
export type * from './problems';
export type * from './queries';
export { ReadSide, WAIT_MS_MAX } from './read-side';
export type { RecordReader, RecordSource } from './record-source';
export type { FieldNames } from './render';
