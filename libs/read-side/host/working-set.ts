import type { Change, Document, DocumentRef, Documents, Table, TableChanges } from '#read-store';

interface Entry {
  readonly table: Table<unknown>;
  readonly id: string;
  /** `undefined`: there is no such document. */
  readonly doc: unknown;
  readonly position: bigint;
}

/** How many documents of one generation stay decoded between batches; the least recently changed go first. */
export const KEPT_DOCUMENTS_MAX = 5_000;

/**
 * The documents that a batch reads and writes. They are loaded before they are asked for; what changed is written once
 * per batch, however often it changed in it.
 */
export class WorkingSet implements Documents {
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Set<string>();
  /** Documents that do not exist, remembered for one batch only. */
  readonly #passing = new Set<string>();

  get<T>(table: Table<T>, id: string): T | undefined {
    return this.#entries.get(keyOf(table, id))?.doc as T | undefined;
  }

  /** Those of the documents that are not here yet. */
  missing(refs: readonly DocumentRef[]): readonly DocumentRef[] {
    return refs.filter(({ table, id }) => !this.#entries.has(keyOf(table, id)));
  }

  /** Takes in what was loaded; those that were asked for and not found do not exist. */
  loaded(table: Table<unknown>, ids: readonly string[], documents: readonly Document[]): void {
    for (const id of ids) {
      const key = keyOf(table, id);
      this.#entries.set(key, { table, id, doc: undefined, position: 0n });
      this.#passing.add(key);
    }
    for (const document of documents) {
      const { id, position } = document;
      const key = keyOf(table, id);
      this.#entries.set(key, { table, id, doc: table.decode(document), position });
      this.#passing.delete(key);
    }
  }

  apply(changes: readonly Change[], position: bigint): void {
    for (const { table, id, doc } of changes) {
      const key = keyOf(table, id);
      // Taken out first, so that the map's order is that of the last change.
      this.#entries.delete(key);
      this.#entries.set(key, { table, id, doc, position });
      this.#changed.add(key);
      this.#passing.delete(key);
    }
  }

  /** What a commit must write, by table. */
  changes(): readonly TableChanges[] {
    const byTable = new Map<
      string,
      { table: string; saved: Document[]; deleted: { id: string; position: bigint }[] }
    >();
    for (const key of this.#changed) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      const { table, id, doc, position } = entry;
      const { name } = table.schema;
      const ofTable = byTable.get(name) ?? { table: name, saved: [], deleted: [] };
      byTable.set(name, ofTable);
      if (doc === undefined) ofTable.deleted.push({ id, position });
      else ofTable.saved.push({ id, position, ...table.encode(doc) });
    }
    return [...byTable.values()];
  }

  /** After a commit: what was written is known, and what does not exist need not be remembered. */
  written(): void {
    for (const key of this.#changed) if (this.#entries.get(key)?.doc === undefined) this.#entries.delete(key);
    for (const key of this.#passing) this.#entries.delete(key);
    this.#changed.clear();
    this.#passing.clear();
    let surplus = this.#entries.size - KEPT_DOCUMENTS_MAX;
    for (const key of this.#entries.keys()) {
      if (surplus <= 0) break;
      this.#entries.delete(key);
      surplus -= 1;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#changed.clear();
    this.#passing.clear();
  }
}

function keyOf(table: Table<never> | Table<unknown>, id: string): string {
  return `${table.schema.name} ${id}`;
}
