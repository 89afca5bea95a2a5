export * from './claims';
export * from './decider';
export * from './events';
