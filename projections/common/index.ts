export * from './paging';
export * from './query-refused';
export * from './watermark';
