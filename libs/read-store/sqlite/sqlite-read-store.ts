import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  type ComparedStretch,
  type Comparison,
  type Generation,
  type GenerationCommit,
  type GenerationRef,
  type ReadSnapshot,
  type ReadStore,
  ReadStoreBusyError,
  ReadStoreClosedError,
  ViewNotReadyError,
} from '../port';
import { assertValidDocument, assertValidView } from '../rules';
import type { Document, ViewSchema } from '../schema';
import { aggregateIn } from './aggregate';
import {
  addGeneration,
  allGenerations,
  type CataloguedGeneration,
  createCatalogue,
  generationOf,
  makeLive,
  moveCheckpoint,
  removeGeneration,
} from './catalogue';
import { compareTables } from './compare';
import { Connection } from './connection';
import { findIn } from './find';
import { documentOf, type SqlTable, selectList, sqlTable, upsertRow, upsertStatement } from './tables';
import { jsonArray } from './where';

/** How many snapshots may wait for their turn on the reading connection. */
export const SNAPSHOTS_WAITING_MAX = 1_000;

function loadIn(connection: Connection, table: SqlTable, ids: readonly string[]): readonly Document[] {
  if (ids.length === 0) return [];
  const sql = `SELECT ${selectList(table)} FROM (SELECT DISTINCT value AS id FROM json_each(?)) w CROSS JOIN ${table.name} t ON t.id = w.id`;
  return connection.all(sql, [jsonArray(ids)]).map((row) => documentOf(table, row));
}

function snapshotOf(connection: Connection): ReadSnapshot {
  // Reading the catalogue is what begins the snapshot; everything that follows sees the same state.
  const live = new Map<string, CataloguedGeneration>();
  for (const known of allGenerations(connection))
    if (known.generation.status === 'live') live.set(known.generation.view, known);
  const tableOf = (view: string, table: string) => {
    const known = live.get(view);
    if (known === undefined) throw new ViewNotReadyError(view);
    return sqlTable(known.generation, known.schema, table);
  };
  return {
    live: async (view) => live.get(view)?.generation,
    load: async (view, table, ids) => loadIn(connection, tableOf(view, table), ids),
    find: async (view, table, query) => findIn(connection, tableOf(view, table), query),
    aggregate: async (view, table, query) => aggregateIn(connection, tableOf(view, table), query),
  };
}

function write(connection: Connection, { generation, expected, checkpoint, changes }: GenerationCommit): void {
  const known = generationOf(connection, generation);
  moveCheckpoint(connection, known, expected, checkpoint);
  for (const { table: name, saved, deleted } of changes) {
    const table = sqlTable(generation, known.schema, name);
    for (const document of saved) assertValidDocument(table.schema, document);
    if (saved.length > 0)
      connection.runEach(
        upsertStatement(table),
        saved.map((document) => upsertRow(table, document)),
      );
    if (deleted.length > 0)
      connection.runEach(
        `DELETE FROM ${table.name} WHERE id = ? AND position < ?`,
        deleted.map(({ id, position }) => [id, position]),
      );
  }
}

/**
 * Keeps views in one SQLite file: one connection writes, another reads. Every call blocks its thread while SQLite works,
 * so the store belongs into a worker thread.
 */
export class SqliteReadStore implements ReadStore {
  #closed = false;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly reader: Connection,
    private readonly writer: Connection | undefined,
  ) {}

  /** Opens a file for folding and querying, and makes it when it is missing. One process and thread at a time. */
  static open(path: string): SqliteReadStore {
    mkdirSync(dirname(path), { recursive: true });
    const writer = new Connection(path, 'read-write');
    writer.transaction(() => createCatalogue(writer));
    return new SqliteReadStore(new Connection(path, 'read-only'), writer);
  }

  /** Opens a file that another thread folds into, for querying only. */
  static openReader(path: string): SqliteReadStore {
    return new SqliteReadStore(new Connection(path, 'read-only'), undefined);
  }

  async snapshot<T>(read: (snapshot: ReadSnapshot) => Promise<T>): Promise<T> {
    this.#assertOpen();
    if (this.#waiting >= SNAPSHOTS_WAITING_MAX)
      throw new ReadStoreBusyError(`${SNAPSHOTS_WAITING_MAX} reads are waiting already`);
    this.#waiting += 1;
    const previous = this.#turn;
    const run = (async () => {
      await previous;
      this.#waiting -= 1;
      this.#assertOpen();
      this.reader.exec('BEGIN');
      try {
        return await read(snapshotOf(this.reader));
      } finally {
        this.reader.exec('COMMIT');
      }
    })();
    this.#turn = run.catch(() => undefined);
    return run;
  }

  async generations(): Promise<readonly Generation[]> {
    return allGenerations(this.#writer()).map(({ generation }) => generation);
  }

  async createGeneration(view: ViewSchema): Promise<Generation> {
    const writer = this.#writer();
    assertValidView(view);
    const made: Generation[] = [];
    writer.transaction(() => made.push(addGeneration(writer, view)));
    const [generation] = made;
    if (generation === undefined) throw new Error('a transaction that ended made its generation');
    return generation;
  }

  async loadFrom(generation: GenerationRef, table: string, ids: readonly string[]): Promise<readonly Document[]> {
    const writer = this.#writer();
    return loadIn(writer, sqlTable(generation, generationOf(writer, generation).schema, table), ids);
  }

  async commit(commits: readonly GenerationCommit[]): Promise<void> {
    const writer = this.#writer();
    writer.transaction(() => {
      for (const one of commits) write(writer, one);
    });
  }

  async compare(left: GenerationRef, right: GenerationRef, stretch: ComparedStretch): Promise<Comparison> {
    const writer = this.#writer();
    const [leftTable, rightTable] = [left, right].map((ref) =>
      sqlTable(ref, generationOf(writer, ref).schema, stretch.table),
    );
    if (leftTable === undefined || rightTable === undefined) throw new Error('two generations are compared');
    return compareTables(writer, leftTable, rightTable, stretch);
  }

  async switchTo(generations: readonly GenerationRef[]): Promise<void> {
    const writer = this.#writer();
    writer.transaction(() => {
      for (const generation of generations) {
        generationOf(writer, generation);
        makeLive(writer, generation);
      }
    });
  }

  async dropGeneration({ view, number }: GenerationRef): Promise<void> {
    const writer = this.#writer();
    writer.transaction(() => {
      for (const known of allGenerations(writer))
        if (known.generation.view === view && known.generation.number === number) removeGeneration(writer, known);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn;
    this.reader.close();
    this.writer?.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new ReadStoreClosedError('the read store is closed');
  }

  #writer(): Connection {
    this.#assertOpen();
    if (this.writer === undefined) throw new ReadStoreClosedError('this read store was opened for querying only');
    return this.writer;
  }
}
