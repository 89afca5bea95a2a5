/** The key store cannot be opened; the message says why and what to do. */
export class KeyStoreOpenError extends Error {
  override readonly name: string = 'KeyStoreOpenError';
}

/** The store was made, or last rewrapped, under another master key. */
export class OtherMasterKeyError extends KeyStoreOpenError {
  override readonly name = 'OtherMasterKeyError';
}
