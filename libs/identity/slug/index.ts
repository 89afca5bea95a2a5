export * from './decider';
export * from './events';
export * from './slug';
export * from './stream';
