import { randomBytes } from 'node:crypto';
import { assertValidSubject, type DataKey, ErasedSubjectError, type KeyStore, KeyStoreUnavailableError } from '../port';

const KEY_BYTES = 32;
const FIRST_VERSION = 1;

/** Keeps keys in memory, for tests. */
export class MemoryKeyStore implements KeyStore {
  readonly #keys = new Map<string, Uint8Array | 'erased'>();
  #closed = false;

  async current(subject: string): Promise<DataKey> {
    this.#assertUsable(subject);
    const key = this.#keys.get(subject) ?? randomBytes(KEY_BYTES);
    if (key === 'erased') throw new ErasedSubjectError(`the data of ${subject} were erased`);
    this.#keys.set(subject, key);
    return { subject, version: FIRST_VERSION, key: new Uint8Array(key) };
  }

  async find(subject: string, version: number): Promise<DataKey | undefined> {
    this.#assertUsable(subject);
    const key = this.#keys.get(subject);
    if (key === undefined || key === 'erased' || version !== FIRST_VERSION) return undefined;
    return { subject, version, key: new Uint8Array(key) };
  }

  async erase(subject: string): Promise<void> {
    this.#assertUsable(subject);
    const key = this.#keys.get(subject);
    if (key instanceof Uint8Array) key.fill(0);
    this.#keys.set(subject, 'erased');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertUsable(subject: string): void {
    if (this.#closed) throw new KeyStoreUnavailableError('the key store is closed');
    assertValidSubject(subject);
  }
}
