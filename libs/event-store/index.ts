export * from './append-rules';
export * from './port';
