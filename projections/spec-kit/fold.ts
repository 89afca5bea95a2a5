import type { StoredEvent } from '#kernel';
import type { Change, Documents, Projection, Table } from '#read-store';

/** What a projection makes of events, in memory: the plainest host there can be. */
export class Folded implements Documents {
  readonly #docs = new Map<string, unknown>();

  get<T>(table: Table<T>, id: string): T | undefined {
    return this.#docs.get(`${table.schema.name} ${id}`) as T | undefined;
  }

  all<T>(table: Table<T>): readonly T[] {
    return this.entries(table).map(([, doc]) => doc);
  }

  /** With their ids. */
  entries<T>(table: Table<T>): readonly (readonly [id: string, doc: T])[] {
    const prefix = `${table.schema.name} `;
    return [...this.#docs]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, doc]) => [key.slice(prefix.length), doc as T]);
  }

  apply(changes: readonly Change[]): void {
    for (const { table, id, doc } of changes) {
      const key = `${table.schema.name} ${id}`;
      if (doc === undefined) this.#docs.delete(key);
      else this.#docs.set(key, doc);
    }
  }
}

/** Folds events one by one; a document that is read without having been named first fails the spec. */
export function foldAll({ folds }: Projection, events: readonly StoredEvent[]): Folded {
  const folded = new Folded();
  for (const stored of events) {
    for (const fold of folds) {
      if (!stored.stream.startsWith(fold.source.streamPrefix) || !fold.types.has(stored.type)) continue;
      const event = fold.source.codec.decode(stored);
      if (event === undefined) continue;
      const named = new Set<string>();
      const guarded: Documents = {
        get: (table, id) => {
          const key = `${table.schema.name} ${id}`;
          if (!named.has(key)) throw new Error(`${stored.type} reads ${key}, which it did not name`);
          return folded.get(table, id);
        },
      };
      for (let size = -1; size < named.size; ) {
        size = named.size;
        const visible: Documents = {
          get: (table, id) => (named.has(`${table.schema.name} ${id}`) ? folded.get(table, id) : undefined),
        };
        for (const { table, id } of fold.touches(event, visible)) named.add(`${table.schema.name} ${id}`);
      }
      folded.apply(fold.evolve(event, guarded));
    }
  }
  return folded;
}
