export * from './answer';
export * from './parse-request';
