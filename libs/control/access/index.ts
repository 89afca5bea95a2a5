export * from './access-records';
export * from './events';
