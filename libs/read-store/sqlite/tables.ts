import { type GenerationRef, InvalidReadStoreUseError } from '../port';
import type { ColumnType, ColumnValue, Document, JsonValue, TableSchema, ViewSchema } from '../schema';
import type { SqlRow } from './connection';

/** A table of one generation as SQL knows it. */
export interface SqlTable {
  /** Quoted. */
  readonly name: string;
  readonly schema: TableSchema;
  readonly columns: readonly string[];
}

/** Names were checked when the view was declared, so quoting is all they need. */
export function quoted(name: string): string {
  return `"${name}"`;
}

function nameOf({ view, number }: GenerationRef, table: string): string {
  return `${view}:${number}:${table}`;
}

export function sqlTable(generation: GenerationRef, view: ViewSchema, table: string): SqlTable {
  const schema = view.tables.find(({ name }) => name === table);
  if (schema === undefined) throw new InvalidReadStoreUseError(`the view ${view.name} has no table "${table}"`);
  return { name: quoted(nameOf(generation, table)), schema, columns: Object.keys(schema.columns) };
}

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'TEXT',
  integer: 'INTEGER',
  bigint: 'INTEGER',
  histogram: 'TEXT',
};

export function createStatements(generation: GenerationRef, view: ViewSchema): readonly string[] {
  return view.tables.flatMap(({ name, columns, indexes, clusterBy }) => {
    const table = quoted(nameOf(generation, name));
    const columnList = Object.entries(columns).map(([column, type]) => `${quoted(column)} ${SQL_TYPES[type]}`);
    const clusterKey = clusterBy?.map((column) => `${quoted(column)}, `).join('');
    const [idKey, ending] =
      clusterKey === undefined ? [' PRIMARY KEY NOT NULL', 'STRICT'] : [' UNIQUE NOT NULL', `STRICT, WITHOUT ROWID`];
    const definitions = [
      `id TEXT${idKey}`,
      'position INTEGER NOT NULL',
      ...columnList,
      'rest TEXT NOT NULL',
      ...(clusterKey === undefined ? [] : [`PRIMARY KEY (${clusterKey}id)`]),
    ];
    return [
      `CREATE TABLE ${table} (${definitions.join(', ')}) ${ending}`,
      ...indexes.map(
        (index, at) =>
          `CREATE INDEX ${quoted(`${nameOf(generation, name)}:${at}`)} ON ${table} (${index.columns.map(quoted).join(', ')})${
            index.presentOnly === undefined ? '' : ` WHERE ${quoted(index.presentOnly)} IS NOT NULL`
          }`,
      ),
    ];
  });
}

export function dropStatements(generation: GenerationRef, view: ViewSchema): readonly string[] {
  return view.tables.map(({ name }) => `DROP TABLE IF EXISTS ${quoted(nameOf(generation, name))}`);
}

export function upsertStatement({ name, columns }: SqlTable): string {
  const all = ['position', ...columns.map(quoted), 'rest'];
  return `INSERT INTO ${name} AS t (id, ${all.join(', ')}) VALUES (?${', ?'.repeat(all.length)})
    ON CONFLICT (id) DO UPDATE SET ${all.map((column) => `${column} = excluded.${column}`).join(', ')}
    WHERE excluded.position > t.position`;
}

export function upsertRow({ columns }: SqlTable, document: Document): SqlRow {
  const row: ColumnValue[] = [document.id, document.position];
  for (const column of columns) row.push(document.columns[column] ?? null);
  row.push(JSON.stringify(document.rest));
  return row;
}

/** What `documentOf` reads. */
export function selectList({ columns }: SqlTable): string {
  return ['t.id', 't.position', ...columns.map((column) => `t.${quoted(column)}`), 't.rest'].join(', ');
}

/** SQLite has one integer type; an integer column promises what a number can hold. */
export function columnValue(type: ColumnType, value: ColumnValue): ColumnValue {
  return type === 'integer' && typeof value === 'bigint' ? Number(value) : value;
}

export function documentOf({ schema, columns }: SqlTable, row: SqlRow): Document {
  const values: Record<string, ColumnValue> = {};
  for (const [index, column] of columns.entries())
    values[column] = columnValue(schema.columns[column] ?? 'text', row[index + 2] ?? null);
  return {
    id: String(row[0]),
    position: BigInt(row[1] ?? 0),
    columns: values,
    rest: JSON.parse(String(row[columns.length + 2])) as JsonValue,
  };
}
