export * from './cached-key-store';
export * from './envelope';
export * from './master-key';
export * from './port';
