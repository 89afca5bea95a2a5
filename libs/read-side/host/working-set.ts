import type { Change, Document, DocumentRef, Documents, Table, TableChanges } from '#read-store';

interface Entry {
  /** `undefined`: there is no such document. */
  readonly doc: unknown;
  readonly position: bigint;
  /** Counts up with every change, over all tables. */
  readonly serial: number;
}

/** One table's documents. Kept apart, so that none of them needs a key that names its table: that is made for every event. */
interface Kept {
  readonly table: Table<unknown>;
  /** By id, the least recently changed first. */
  readonly entries: Map<string, Entry>;
  readonly changed: Set<string>;
  /** Documents that do not exist, remembered for one batch only. */
  readonly passing: Set<string>;
}

/** How many documents of one generation stay decoded between batches; the least recently changed go first. */
export const KEPT_DOCUMENTS_MAX = 5_000;

/**
 * The documents that a batch reads and writes. They are loaded before they are asked for; what changed is written once
 * per batch, however often it changed in it.
 */
export class WorkingSet implements Documents {
  /** By the table's name. */
  readonly #tables = new Map<string, Kept>();
  #serial = 0;

  get<T>(table: Table<T>, id: string): T | undefined {
    return this.#tables.get(table.schema.name)?.entries.get(id)?.doc as T | undefined;
  }

  /** Those of the documents that are not here yet. */
  missing(refs: readonly DocumentRef[]): readonly DocumentRef[] {
    return refs.filter(({ table, id }) => this.#tables.get(table.schema.name)?.entries.has(id) !== true);
  }

  /** Takes in what was loaded; those that were asked for and not found do not exist. */
  loaded(table: Table<unknown>, ids: readonly string[], documents: readonly Document[]): void {
    const { entries, passing } = this.#kept(table);
    for (const id of ids) {
      entries.set(id, { doc: undefined, position: 0n, serial: this.#next() });
      passing.add(id);
    }
    for (const document of documents) {
      const { id, position } = document;
      entries.set(id, { doc: table.decode(document), position, serial: this.#next() });
      passing.delete(id);
    }
  }

  apply(changes: readonly Change[], position: bigint): void {
    for (const { table, id, doc } of changes) {
      const { entries, changed, passing } = this.#kept(table);
      // Taken out first, so that the map's order is that of the last change.
      entries.delete(id);
      entries.set(id, { doc, position, serial: this.#next() });
      changed.add(id);
      passing.delete(id);
    }
  }

  /** What a commit must write, by table. */
  changes(): readonly TableChanges[] {
    return [...this.#tables.values()].flatMap(({ table, entries, changed }) => {
      const saved: Document[] = [];
      const deleted: { id: string; position: bigint }[] = [];
      for (const id of changed) {
        const entry = entries.get(id);
        if (entry === undefined) continue;
        const { doc, position } = entry;
        if (doc === undefined) deleted.push({ id, position });
        else saved.push({ id, position, ...table.encode(doc) });
      }
      return saved.length + deleted.length === 0 ? [] : [{ table: table.schema.name, saved, deleted }];
    });
  }

  /** After a commit: what was written is known, and what does not exist need not be remembered. */
  written(): void {
    for (const { entries, changed, passing } of this.#tables.values()) {
      for (const id of changed) if (entries.get(id)?.doc === undefined) entries.delete(id);
      for (const id of passing) entries.delete(id);
      changed.clear();
      passing.clear();
    }
    const size = [...this.#tables.values()].reduce((sum, { entries }) => sum + entries.size, 0);
    for (let surplus = size - KEPT_DOCUMENTS_MAX; surplus > 0; surplus -= 1) this.#dropOldest();
  }

  clear(): void {
    this.#tables.clear();
  }

  #kept(table: Table<unknown>): Kept {
    const { name } = table.schema;
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const kept: Kept = { table, entries: new Map(), changed: new Set(), passing: new Set() };
    this.#tables.set(name, kept);
    return kept;
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }

  /** Forgets the least recently changed document of all tables. */
  #dropOldest(): void {
    let oldest: { readonly entries: Map<string, Entry>; readonly id: string; readonly serial: number } | undefined;
    for (const { entries } of this.#tables.values()) {
      const [first] = entries;
      if (first === undefined) continue;
      const [id, { serial }] = first;
      if (oldest === undefined || serial < oldest.serial) oldest = { entries, id, serial };
    }
    oldest?.entries.delete(oldest.id);
  }
}
