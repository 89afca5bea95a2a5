/** A map that forgets its oldest entry when it is full; for facts that can be read again. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();

  constructor(readonly entriesMax: number) {}

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.entriesMax) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
