export { KeyStoreOpenError, OtherMasterKeyError } from './key-store-open-error';
export type { LmdbKeyStore } from './lmdb-key-store';
export { type LmdbKeyStoreOptions, openLmdbKeyStore } from './open-key-store';
export { DamagedKeyError } from './wrapped-key';
