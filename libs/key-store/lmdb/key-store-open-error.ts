/** The key store cannot be opened; the message says why and what to do. */
export class KeyStoreOpenError extends Error {
  override readonly name = 'KeyStoreOpenError';
}
