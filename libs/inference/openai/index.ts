export * from './chat';
export * from './errors';
