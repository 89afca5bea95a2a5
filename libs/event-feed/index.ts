export * from './partition-key';
export * from './port';
