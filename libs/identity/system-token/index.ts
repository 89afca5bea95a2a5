export * from './decider';
export * from './events';
export * from './secret';
export * from './stream';
