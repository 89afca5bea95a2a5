export * from './credentials';
export * from './moments';
export * from './plane-paths';
export * from './query-parameters';
export * from './rates';
export * from './security-headers';
