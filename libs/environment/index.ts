export * from './identifiers';
export * from './private-files';
export * from './system-clock';
