export * from './calls/call-runner';
export * from './calls/caller';
export * from './calls/ports';
export * from './calls/settings';
export * from './http/call-reads';
export * from './http/ports';
export * from './http/v1-plane';
export type { V1Options } from './http/v1-request';
