export * from './sse-parser';
export * from './stream-opening';
