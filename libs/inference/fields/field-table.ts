import { isJsonObject, type JsonObject } from '../json';
import { beginsAsNever, foldField, isNeverField, NEVER_BUT_HARMLESS, NEVER_FIELDS } from './never-fields';

/** Keys recur from request to request; remembering the harmless ones saves folding them again. */
const HARMLESS_KEYS_MAX = 1_000;
const HARMLESS_KEY_LENGTH_MAX = 64;
/** Deeper than this no text is read either. */
const HIDDEN_DEPTH_MAX = 100;

export interface FieldTableOptions {
  /** Fields that metering or routing reads. */
  readonly metered: readonly string[];
  /** Fields that cost something without a price here, on this route beside those that never pass anywhere. */
  readonly unpriced: readonly string[];
  /** Values of unpriced fields that mean the default and therefore pass. */
  readonly harmless?: Readonly<Record<string, readonly unknown[]>>;
  /** Fields that are known to cost nothing beside the tokens that are held: they pass. */
  readonly known: readonly string[];
  /** The members of known fields that hold options; what else stands there is as unknown as another field. */
  readonly members?: Readonly<Record<string, readonly string[]>>;
}

/**
 * The names that one route knows. A body may not hold a key that equals one of them but for its spelling: some backends
 * match names without regard to case, and would read what we did not. What the table does not know is a question to the
 * backend's operator, since it may be another name for a cap or a price.
 */
export class FieldTable {
  readonly #unpriced: ReadonlySet<string>;
  readonly #exact: ReadonlySet<string>;
  readonly #known: ReadonlySet<string>;
  readonly #folded: ReadonlyMap<string, string>;
  readonly #harmlessValues: Readonly<Record<string, readonly unknown[]>>;
  readonly #members: Readonly<Record<string, ReadonlySet<string>>>;
  readonly #harmlessKeys = new Set<string>();

  constructor({ metered, unpriced, harmless = {}, known, members = {} }: FieldTableOptions) {
    const never = NEVER_FIELDS.filter((name) => !metered.includes(name));
    this.#unpriced = new Set([...unpriced, ...never]);
    this.#exact = new Set([...metered, ...this.#unpriced]);
    this.#known = new Set([...metered, ...known]);
    this.#folded = new Map([...this.#exact].map((name) => [foldField(name), name]));
    this.#harmlessValues = { ...NEVER_BUT_HARMLESS, ...harmless };
    this.#members = Object.fromEntries(Object.entries(members).map(([field, names]) => [field, new Set(names)]));
  }

  /** Every name that passes. */
  get known(): readonly string[] {
    return [...this.#known];
  }

  /** The field that a key could be mistaken for; undefined for the field itself and for all others. */
  mistakenFor(key: string): string | undefined {
    if (this.#exact.has(key) || this.#harmlessKeys.has(key)) return undefined;
    const name = this.#folded.get(foldField(key));
    if (name === undefined && key.length <= HARMLESS_KEY_LENGTH_MAX && this.#harmlessKeys.size < HARMLESS_KEYS_MAX)
      this.#harmlessKeys.add(key);
    return name;
  }

  /** Whether a field asks for something without a price. */
  isUnpriced(key: string, value: unknown): boolean {
    if (value === null || value === undefined) return false;
    if (!this.#unpriced.has(key)) return !this.#known.has(key) && beginsAsNever(key);
    if (this.#harmlessValues[key]?.includes(value)) return false;
    return !(key === 'modalities' && Array.isArray(value) && value.every((modality) => modality === 'text'));
  }

  /** The path of a name that never passes within a field of options or within one that the table does not know. */
  hiddenIn(key: string, value: unknown): string | undefined {
    const members = this.#members[key];
    if (members === undefined && this.#known.has(key)) return undefined;
    // Known members may hold schemas, in which such names are the client's own words.
    const asked =
      members === undefined || !isJsonObject(value)
        ? value
        : Object.fromEntries(Object.entries(value).filter(([member]) => !members.has(member)));
    return hidden(asked, key, (name) => this.#exact.has(name), 0);
  }

  /** Fields, and members of fields, that are neither known nor null, by their paths. */
  unknownIn(body: JsonObject): readonly string[] {
    const unknown: string[] = [];
    for (const key of Object.keys(body)) {
      const value = body[key];
      if (value === null || value === undefined) continue;
      if (!this.#known.has(key) && !this.#unpriced.has(key)) unknown.push(key);
      const members = this.#members[key];
      if (members === undefined || !isJsonObject(value)) continue;
      for (const member of Object.keys(value))
        if (!members.has(member) && value[member] !== null) unknown.push(`${key}.${member}`);
    }
    return unknown;
  }
}

function hidden(value: unknown, path: string, isTaken: (name: string) => boolean, depth: number): string | undefined {
  // What is nested deeper is refused where its text is read.
  if (typeof value !== 'object' || value === null || depth > HIDDEN_DEPTH_MAX) return undefined;
  const isList = Array.isArray(value);
  for (const [key, member] of Object.entries(value)) {
    const own = isList ? `${path}[${key}]` : `${path}.${key}`;
    if (!isList && member !== null && (isTaken(key) || isNeverField(key))) return own;
    const found = hidden(member, own, isTaken, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
