export * from './hash';
export * from './new-secret';
export * from './rotation';
export * from './scheme';
