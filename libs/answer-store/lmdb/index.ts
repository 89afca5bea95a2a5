export * from './lmdb-answer-store';
