import { isDeepStrictEqual } from 'node:util';
import {
  type ComparedStretch,
  type Comparison,
  type Generation,
  type GenerationCommit,
  type GenerationRef,
  type ReadSnapshot,
  type ReadStore,
  ReadStoreClosedError,
  StaleCheckpointError,
  ViewNotReadyError,
} from '../port';
import { assertValidAggregate, assertValidDocument, assertValidFind, assertValidView } from '../rules';
import type { Document, TableSchema, ViewSchema } from '../schema';
import { compareValues } from '../values';
import { emptyTables, type GenerationTables, type Rows, tableOf } from './generation-tables';
import { aggregateRows, findRows } from './query-rows';

interface Copy {
  readonly generation: Generation;
  readonly tables: GenerationTables;
}

/** All copies at one moment, by `view#number`. Replaced, never changed, by whatever writes. */
type State = ReadonlyMap<string, Copy>;

function keyOf({ view, number }: GenerationRef): string {
  return `${view}#${number}`;
}

function pick(rows: Rows, ids: readonly string[]): readonly Document[] {
  return ids.flatMap((id) => rows.get(id) ?? []);
}

function liveIn(state: State, view: string): Copy | undefined {
  return [...state.values()].find(({ generation }) => generation.view === view && generation.status === 'live');
}

function copyIn(state: State, ref: GenerationRef): Copy {
  const copy = state.get(keyOf(ref));
  if (copy === undefined) throw new StaleCheckpointError(`generation ${ref.number} of ${ref.view} is gone`);
  return copy;
}

function snapshotOf(state: State): ReadSnapshot {
  const liveTable = (view: string, table: string) => {
    const copy = liveIn(state, view);
    if (copy === undefined) throw new ViewNotReadyError(view);
    return tableOf(copy.tables, table);
  };
  return {
    live: async (view) => liveIn(state, view)?.generation,
    load: async (view, table, ids) => pick(liveTable(view, table).rows, ids),
    find: async (view, table, query) => {
      const { schema, rows } = liveTable(view, table);
      assertValidFind(schema, query);
      return findRows(rows.values(), query);
    },
    aggregate: async (view, table, query) => {
      const { schema, rows } = liveTable(view, table);
      assertValidAggregate(schema, query);
      return aggregateRows(rows.values(), query);
    },
  };
}

/** With every column, and nothing that its writer could still change. */
function complete(schema: TableSchema, { id, position, columns, rest }: Document): Document {
  const all = Object.keys(schema.columns).map((column) => [column, columns[column] ?? null] as const);
  return { id, position, columns: Object.fromEntries(all), rest: structuredClone(rest) };
}

function committed(copy: Copy, { generation, expected, checkpoint, changes }: GenerationCommit): Copy {
  if (!isDeepStrictEqual(copy.generation.checkpoint, expected))
    throw new StaleCheckpointError(`generation ${generation.number} of ${generation.view} has moved`);
  const rows = new Map(copy.tables.rows);
  for (const { table, saved, deleted } of changes) {
    const { schema, rows: before } = tableOf(copy.tables, table);
    const after = new Map(before);
    for (const document of saved) {
      assertValidDocument(schema, document);
      const known = after.get(document.id);
      if (known === undefined || known.position < document.position) after.set(document.id, complete(schema, document));
    }
    for (const { id, position } of deleted) {
      const known = after.get(id);
      if (known !== undefined && known.position < position) after.delete(id);
    }
    rows.set(table, after);
  }
  return { generation: { ...copy.generation, checkpoint }, tables: { ...copy.tables, rows } };
}

/** Keeps views in memory, for tests and for reading how the port is meant. */
export class MemoryReadStore implements ReadStore {
  #state: State = new Map();
  readonly #newest = new Map<string, number>();
  #closed = false;

  async snapshot<T>(read: (snapshot: ReadSnapshot) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return read(snapshotOf(this.#state));
  }

  async generations(): Promise<readonly Generation[]> {
    this.#assertOpen();
    return [...this.#state.values()].map(({ generation }) => generation);
  }

  async createGeneration(view: ViewSchema): Promise<Generation> {
    this.#assertOpen();
    assertValidView(view);
    const number = (this.#newest.get(view.name) ?? 0) + 1;
    this.#newest.set(view.name, number);
    const generation: Generation = { view: view.name, number, version: view.version, status: 'building' };
    this.#state = new Map(this.#state).set(keyOf(generation), { generation, tables: emptyTables(view) });
    return generation;
  }

  async loadFrom(generation: GenerationRef, table: string, ids: readonly string[]): Promise<readonly Document[]> {
    this.#assertOpen();
    return pick(tableOf(copyIn(this.#state, generation).tables, table).rows, ids);
  }

  async commit(commits: readonly GenerationCommit[]): Promise<void> {
    this.#assertOpen();
    const next = new Map(this.#state);
    for (const one of commits) next.set(keyOf(one.generation), committed(copyIn(next, one.generation), one));
    this.#state = next;
  }

  async compare(left: GenerationRef, right: GenerationRef, stretch: ComparedStretch): Promise<Comparison> {
    this.#assertOpen();
    const { table, after, documentsMax } = stretch;
    const [leftRows, rightRows] = [left, right].map((ref) => tableOf(copyIn(this.#state, ref).tables, table).rows);
    if (leftRows === undefined || rightRows === undefined) throw new Error('two generations are compared');
    const ids = [...new Set([...leftRows.keys(), ...rightRows.keys()])]
      .filter((id) => after === undefined || compareValues(id, after) > 0)
      .sort(compareValues);
    const compared = ids.slice(0, documentsMax);
    const next = ids.length > documentsMax ? compared.at(-1) : undefined;
    return {
      documents: compared.length,
      different: compared.filter((id) => !isDeepStrictEqual(leftRows.get(id), rightRows.get(id))).length,
      ...(next === undefined ? {} : { next }),
    };
  }

  async switchTo(generations: readonly GenerationRef[]): Promise<void> {
    this.#assertOpen();
    const next = new Map(this.#state);
    for (const ref of generations) {
      const copy = copyIn(next, ref);
      const before = liveIn(next, ref.view);
      if (before !== undefined && before !== copy) next.delete(keyOf(before.generation));
      next.set(keyOf(ref), { ...copy, generation: { ...copy.generation, status: 'live' } });
    }
    this.#state = next;
  }

  async dropGeneration(generation: GenerationRef): Promise<void> {
    this.#assertOpen();
    const next = new Map(this.#state);
    next.delete(keyOf(generation));
    this.#state = next;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new ReadStoreClosedError('the read store is closed');
  }
}
