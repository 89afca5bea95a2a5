export * from './hash';
export * from './rotation';
export * from './scheme';
