export { claimDirectory, LmdbEventStore, type LmdbEventStoreOptions, openLmdbEventStore } from './lmdb-event-store';
export { LmdbEventStoreReader, openLmdbEventStoreReader } from './lmdb-event-store-reader';
export { StoreOpenError } from './store-open-error';
