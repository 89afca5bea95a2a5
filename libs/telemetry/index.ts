export * from './call-observer';
export * from './logger';
export * from './metrics';
