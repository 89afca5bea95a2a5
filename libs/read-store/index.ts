export * from './histogram';
export * from './merge-groups';
export * from './port';
export * from './projection';
export * from './query';
export * from './schema';
export * from './values';
