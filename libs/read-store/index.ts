export * from './histogram';
export * from './port';
export * from './projection';
export * from './query';
export * from './schema';
export * from './values';
