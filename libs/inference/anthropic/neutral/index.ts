export * from './decode';
export * from './encode';
export * from './read-call';
export * from './write-call';
