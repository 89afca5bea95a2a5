export * from './membership';
export * from './peers';
