export * from './api-key';
export * from './names';
export * from './organization';
export * from './roles';
export * from './secret';
export * from './slug';
export * from './standing';
export * from './system-token';
