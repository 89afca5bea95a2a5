/**
 * Upper case first, because some letters (ſ, K) fold onto ASCII in one direction only; underscores go, because JSON
 * mappings of protocol buffers take `maxTokens` for `max_tokens`.
 */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase().replaceAll('_', '');
}

/** Keys recur from request to request; remembering the harmless ones saves folding them again. */
const HARMLESS_KEYS_MAX = 1_000;
const HARMLESS_KEY_LENGTH_MAX = 64;

export interface FieldTableOptions {
  /** Fields that metering or routing reads. */
  readonly metered: readonly string[];
  /** Fields that cost something without a price here. */
  readonly unpriced: readonly string[];
  /** Values of unpriced fields that mean the default and therefore pass. */
  readonly harmless?: Readonly<Record<string, readonly unknown[]>>;
}

/**
 * The names that one route cares about. A body may not hold a key that equals one of them but for its spelling: some
 * backends match names without regard to case, and would read what we did not.
 */
export class FieldTable {
  readonly #unpriced: ReadonlySet<string>;
  readonly #exact: ReadonlySet<string>;
  readonly #folded: ReadonlyMap<string, string>;
  readonly #harmlessValues: Readonly<Record<string, readonly unknown[]>>;
  readonly #harmlessKeys = new Set<string>();

  constructor({ metered, unpriced, harmless = {} }: FieldTableOptions) {
    this.#unpriced = new Set(unpriced);
    this.#exact = new Set([...metered, ...unpriced]);
    this.#folded = new Map([...this.#exact].map((name) => [fold(name), name]));
    this.#harmlessValues = harmless;
  }

  /** The field that a key could be mistaken for; undefined for the field itself and for all others. */
  mistakenFor(key: string): string | undefined {
    if (this.#exact.has(key) || this.#harmlessKeys.has(key)) return undefined;
    const name = this.#folded.get(fold(key));
    if (name === undefined && key.length <= HARMLESS_KEY_LENGTH_MAX && this.#harmlessKeys.size < HARMLESS_KEYS_MAX)
      this.#harmlessKeys.add(key);
    return name;
  }

  /** Whether a field asks for something without a price. */
  isUnpriced(key: string, value: unknown): boolean {
    if (!this.#unpriced.has(key) || value === null || value === undefined) return false;
    if (this.#harmlessValues[key]?.includes(value)) return false;
    return !(key === 'modalities' && Array.isArray(value) && value.every((modality) => modality === 'text'));
  }
}
