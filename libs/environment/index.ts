export * from './identifiers';
export * from './system-clock';
