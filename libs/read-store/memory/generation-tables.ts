import { InvalidReadStoreUseError } from '../port';
import type { Document, TableSchema, ViewSchema } from '../schema';

/** Documents by id; never changed in place, so that a snapshot keeps what it saw. */
export type Rows = ReadonlyMap<string, Document>;

/** One generation's tables at one moment. */
export interface GenerationTables {
  readonly schema: ViewSchema;
  readonly rows: ReadonlyMap<string, Rows>;
}

export function emptyTables(schema: ViewSchema): GenerationTables {
  return { schema, rows: new Map(schema.tables.map(({ name }) => [name, new Map()])) };
}

export function tableOf(tables: GenerationTables, name: string): { schema: TableSchema; rows: Rows } {
  const schema = tables.schema.tables.find((table) => table.name === name);
  const rows = tables.rows.get(name);
  if (schema === undefined || rows === undefined)
    throw new InvalidReadStoreUseError(`the view ${tables.schema.name} has no table "${name}"`);
  return { schema, rows };
}
