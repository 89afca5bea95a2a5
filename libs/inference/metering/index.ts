export * from './bounds';
export * from './counted';
export * from './facts';
export * from './text-bytes';
export * from './usage';
