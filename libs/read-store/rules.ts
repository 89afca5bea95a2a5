import { InvalidReadStoreUseError } from './port';
import {
  AGGREGATE_GROUPS_MAX,
  type AggregateQuery,
  type Condition,
  FIND_LIMIT_MAX,
  type FindQuery,
  type Where,
} from './query';
import type { ColumnType, ColumnValue, Document, TableSchema, ViewSchema } from './schema';

/** What every adapter checks before it reads or writes; each failure is a bug of the caller. */

const NAME = /^[a-z][A-Za-z0-9]*$/;
const VIEW_NAME = /^[a-z][a-z0-9-]*$/;
/** Columns that every table has. */
const OWN_COLUMNS: ReadonlySet<string> = new Set(['id', 'position', 'rest']);

function check(holds: boolean, message: () => string): void {
  if (!holds) throw new InvalidReadStoreUseError(message());
}

export function assertValidView(view: ViewSchema): void {
  check(VIEW_NAME.test(view.name), () => `"${view.name}" is no name of a view`);
  check(Number.isInteger(view.version) && view.version > 0, () => `${view.version} is no version of a view`);
  const names = new Set(view.tables.map(({ name }) => name));
  check(names.size === view.tables.length, () => `two tables of ${view.name} have the same name`);
  for (const { name, columns, indexes, clusterBy = [] } of view.tables) {
    check(NAME.test(name), () => `"${name}" is no name of a table`);
    for (const column of Object.keys(columns))
      check(NAME.test(column) && !OWN_COLUMNS.has(column), () => `"${column}" cannot be a column of ${name}`);
    for (const column of clusterBy)
      check(columns[column] !== undefined, () => `${name} is clustered by "${column}", which is no column`);
    for (const index of indexes)
      for (const column of [...index.columns, ...(index.presentOnly === undefined ? [] : [index.presentOnly])])
        check(columns[column] !== undefined, () => `an index of ${name} names "${column}", which is no column`);
  }
}

function fits(type: ColumnType, value: ColumnValue): boolean {
  if (value === null) return true;
  switch (type) {
    case 'text':
    case 'histogram':
      return typeof value === 'string';
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value);
    case 'bigint':
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
  }
}

export function assertValidDocument(schema: TableSchema, document: Document): void {
  for (const column of schema.clusterBy ?? [])
    check((document.columns[column] ?? null) !== null, () => `${schema.name}.${column} needs a value`);
  for (const [column, value] of Object.entries(document.columns)) {
    const type = schema.columns[column];
    if (type === undefined) throw new InvalidReadStoreUseError(`${schema.name} has no column "${column}"`);
    check(fits(type, value), () => `${schema.name}.${column} cannot hold ${String(value)}`);
  }
}

function typeOf(schema: TableSchema, column: string): ColumnType {
  const type = column === 'id' ? 'text' : schema.columns[column];
  if (type === undefined) throw new InvalidReadStoreUseError(`${schema.name} has no column "${column}"`);
  return type;
}

function valuesOf(condition: Condition): readonly ColumnValue[] {
  if ('eq' in condition) return [condition.eq];
  if ('in' in condition) return condition.in;
  if ('present' in condition) return [];
  return [condition.from ?? null, condition.before ?? null];
}

function assertValidWhere(schema: TableSchema, where: Where): void {
  for (const [column, condition] of Object.entries(where)) {
    const type = typeOf(schema, column);
    for (const value of valuesOf(condition))
      check(fits(type, value), () => `${schema.name}.${column} cannot be compared with ${String(value)}`);
  }
}

export function assertValidFind(schema: TableSchema, query: FindQuery): void {
  assertValidWhere(schema, query.where);
  const type = typeOf(schema, query.orderBy.column);
  check(
    Number.isInteger(query.limit) && query.limit > 0 && query.limit <= FIND_LIMIT_MAX,
    () => `a find takes a limit from 1 to ${FIND_LIMIT_MAX}`,
  );
  if (query.after !== undefined) {
    const { value } = query.after;
    check(fits(type, value), () => `a cursor over ${query.orderBy.column} cannot hold ${String(value)}`);
  }
}

export function assertValidAggregate(schema: TableSchema, query: AggregateQuery): void {
  assertValidWhere(schema, query.where);
  for (const column of query.groupBy) typeOf(schema, column);
  if (query.ranges !== undefined) {
    const { column, of } = query.ranges;
    check(typeOf(schema, column) === 'integer', () => `ranges are over an integer column, not over ${column}`);
    const ascending = [...of].sort((a, b) => a.from - b.from);
    for (const [index, range] of ascending.entries())
      check(
        range.from < range.before && range.from >= (ascending[index - 1]?.before ?? Number.NEGATIVE_INFINITY),
        () => 'ranges must not be empty and must not overlap',
      );
  }
  for (const [name, measure] of Object.entries(query.measures)) {
    check(NAME.test(name), () => `"${name}" is no name of a measure`);
    if ('count' in measure) continue;
    if ('merge' in measure)
      check(typeOf(schema, measure.merge) === 'histogram', () => `${measure.merge} holds no histogram`);
    else {
      const column = 'sum' in measure ? measure.sum : 'min' in measure ? measure.min : measure.max;
      const type = typeOf(schema, column);
      check(type === 'integer' || type === 'bigint', () => `${column} holds no numbers`);
    }
  }
  const { orderBy, limit } = query;
  if (orderBy !== undefined)
    check(Object.hasOwn(query.measures, orderBy.measure), () => `"${orderBy.measure}" is no measure of this query`);
  if (limit !== undefined)
    check(limit > 0 && limit <= AGGREGATE_GROUPS_MAX, () => `an aggregate has at most ${AGGREGATE_GROUPS_MAX} groups`);
}
