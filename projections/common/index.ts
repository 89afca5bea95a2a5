export * from './query-refused';
export * from './watermark';
