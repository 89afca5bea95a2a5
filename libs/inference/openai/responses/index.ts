export * from './encode';
export * from './frames';
export * from './parse-request';
export * from './read-call';
