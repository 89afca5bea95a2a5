import type { DataKey, KeyStore } from './port';

/** About 300 bytes each. */
export const UNWRAPPED_KEYS_CACHED_MAX = 2_000;

interface SubjectKeys {
  current: DataKey | undefined;
  readonly byVersion: Map<number, DataKey>;
}

/**
 * Keeps the keys of the subjects used last unwrapped in memory. An erasure empties them before it reaches the store, and
 * what was being read meanwhile is not kept, so that this process forgets a key no later than the store does.
 */
export class CachedKeyStore implements KeyStore {
  /** In order of use: a subject that is used goes to the end, the first one leaves. */
  readonly #subjects = new Map<string, SubjectKeys>();
  #keysCached = 0;
  /** Grows with every erasure, so that a read that began before one can be told from later ones. */
  #erasures = 0;

  constructor(
    private readonly inner: KeyStore,
    private readonly unwrappedKeysCachedMax = UNWRAPPED_KEYS_CACHED_MAX,
  ) {}

  async current(subject: string): Promise<DataKey> {
    const known = this.#use(subject)?.current;
    if (known !== undefined) return copyOf(known);
    const erasures = this.#erasures;
    const key = await this.inner.current(subject);
    if (erasures === this.#erasures) this.#keep(copyOf(key), true);
    return key;
  }

  async find(subject: string, version: number): Promise<DataKey | undefined> {
    const known = this.#use(subject)?.byVersion.get(version);
    if (known !== undefined) return copyOf(known);
    const erasures = this.#erasures;
    const key = await this.inner.find(subject, version);
    if (key !== undefined && erasures === this.#erasures) this.#keep(copyOf(key), false);
    return key;
  }

  async erase(subject: string): Promise<void> {
    this.#erasures += 1;
    this.#forget(subject);
    await this.inner.erase(subject);
    // A read that began while the store was still erasing may have kept the key once more.
    this.#erasures += 1;
    this.#forget(subject);
  }

  async close(): Promise<void> {
    this.#subjects.clear();
    this.#keysCached = 0;
    this.#erasures += 1;
    await this.inner.close();
  }

  #use(subject: string): SubjectKeys | undefined {
    const keys = this.#subjects.get(subject);
    if (keys === undefined) return undefined;
    this.#subjects.delete(subject);
    this.#subjects.set(subject, keys);
    return keys;
  }

  #keep(key: DataKey, isCurrent: boolean): void {
    const keys = this.#use(key.subject) ?? { current: undefined, byVersion: new Map<number, DataKey>() };
    this.#subjects.set(key.subject, keys);
    if (isCurrent) keys.current = key;
    if (!keys.byVersion.has(key.version)) this.#keysCached += 1;
    keys.byVersion.set(key.version, key);
    for (const oldest of this.#subjects.keys()) {
      if (this.#keysCached <= this.unwrappedKeysCachedMax) return;
      this.#forget(oldest);
    }
  }

  #forget(subject: string): void {
    this.#keysCached -= this.#subjects.get(subject)?.byVersion.size ?? 0;
    this.#subjects.delete(subject);
  }
}

/** Callers may overwrite what they were given. */
function copyOf(key: DataKey): DataKey {
  return { ...key, key: new Uint8Array(key.key) };
}
