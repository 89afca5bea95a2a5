export * from './answer';
export * from './build-upstream';
export * from './errors';
export * from './frames';
export * from './messages-stream';
export * from './neutral';
export * from './parse-request';
export * from './usage';
