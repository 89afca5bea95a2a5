export * from './answer';
export * from './build-upstream';
export * from './encoding';
export * from './parse-request';
