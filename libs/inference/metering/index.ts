export * from './bounds';
export * from './counted';
export * from './facts';
export * from './possible';
export * from './text-bytes';
export * from './usage';
