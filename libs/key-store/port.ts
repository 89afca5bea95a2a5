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

/** Implementations reject with RangeError for a subject that is empty or longer than SUBJECT_BYTES_MAX. */
export interface KeyStore {
  /** The newest key of a subject, made durable on first use. Rejects with ErasedSubjectError after an erasure. */
  current(subject: string): Promise<DataKey>;
  /** The key of one version; `undefined` when it never existed or was erased. */
  find(subject: string, version: number): Promise<DataKey | undefined>;
  /**
   * Destroys every version, durably, before it resolves; the subject never gets a key again, even if it had none. A
   * repeated erasure changes nothing.
   */
  erase(subject: string): Promise<void>;
  /** Every later call rejects with KeyStoreUnavailableError. */
  close(): Promise<void>;
}

/** The longest subject, in UTF-8. */
export const SUBJECT_BYTES_MAX = 256;

/** @throws RangeError, which is a bug of the caller. */
export function assertValidSubject(subject: string): void {
  if (subject === '' || !subject.isWellFormed() || Buffer.byteLength(subject) > SUBJECT_BYTES_MAX)
    throw new RangeError(`"${subject.slice(0, 80)}" is no subject: it must have 1 to ${SUBJECT_BYTES_MAX} bytes`);
}

/** What was encrypted for this subject can never be read again, and nothing new can be. */
export class ErasedSubjectError extends Error {
  override readonly name = 'ErasedSubjectError';
}

/** The key store is closed, or another process has changed its master key. */
export class KeyStoreUnavailableError extends Error {
  override readonly name = 'KeyStoreUnavailableError';
}
