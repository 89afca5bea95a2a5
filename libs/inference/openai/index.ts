export * from './chat/outcome';
export * from './chat/request';
export * from './errors';
