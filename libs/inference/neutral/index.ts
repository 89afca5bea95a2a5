export * from './call';
export * from './carrying';
export * from './data-url';
export * from './events';
export * from './stream';
