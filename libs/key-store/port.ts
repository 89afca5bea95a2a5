/**
 * Data keys that outlive events but can be erased: one per subject (a person, an organization's prompt hashes). Every
 * key is kept wrapped under the master key; erasing one makes everything encrypted under it unreadable for ever.
 */
export interface DataKey {
  readonly subject: string;
  readonly version: number;
  /** 32 bytes, for AES-256-GCM or HMAC-SHA-256. */
  readonly key: Uint8Array;
}

export interface KeyStore {
  /** The newest key of a subject, made durable on first use. Rejects with ErasedSubjectError after an erasure. */
  current(subject: string): Promise<DataKey>;
  /** The key of one version; `undefined` when it never existed or was erased. */
  find(subject: string, version: number): Promise<DataKey | undefined>;
  /** Destroys every version, durably, before it resolves. A repeated erasure changes nothing. */
  erase(subject: string): Promise<void>;
  close(): Promise<void>;
}

export class ErasedSubjectError extends Error {
  override readonly name = 'ErasedSubjectError';
}
