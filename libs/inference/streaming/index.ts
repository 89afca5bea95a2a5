export * from './signs-of-life';
export * from './sse-parser';
export * from './stream-opening';
