export * from './answer';
export * from './build-upstream';
export * from './parse-request';
