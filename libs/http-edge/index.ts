export * from './credentials';
export * from './plane-paths';
export * from './rates';
export * from './security-headers';
