import { Histogram } from '../histogram';
import { mergeGroups } from '../merge-groups';
import { TooManyGroupsError } from '../port';
import { AGGREGATE_GROUPS_MAX, type AggregatedGroup, type AggregateQuery, type Measure } from '../query';
import { assertValidAggregate } from '../rules';
import type { ColumnValue, TableSchema } from '../schema';
import { orderGroups } from '../values';
import type { Connection, SqlRow, SqlValue } from './connection';
import { columnValue, quoted, type SqlTable } from './tables';
import { whereSql } from './where';

/** How a measure is asked of SQLite, and how its columns are read. */
interface MeasureSql {
  readonly expressions: readonly string[];
  readonly read: (values: SqlRow) => ColumnValue;
}

/** SQLite's own sums end at 64 bits. */
type Summing = 'plain' | 'halves';

function sumSql(name: string, summing: Summing): MeasureSql {
  return summing === 'plain'
    ? { expressions: [`sum(${name})`], read: ([sum]) => BigInt(sum ?? 0) }
    : {
        expressions: [`sum(${name} >> 32)`, `sum(${name} & 4294967295)`],
        read: ([high, low]) => (BigInt(high ?? 0) << 32n) + BigInt(low ?? 0),
      };
}

function measureSql(schema: TableSchema, measure: Measure, summing: Summing): MeasureSql {
  if ('count' in measure) return { expressions: ['count(*)'], read: ([count]) => BigInt(count ?? 0) };
  if ('sum' in measure) return sumSql(`t.${quoted(measure.sum)}`, summing);
  if ('merge' in measure)
    return {
      expressions: [`group_concat(t.${quoted(measure.merge)}, '')`],
      read: ([texts]) => Histogram.decode(String(texts ?? '')).encode(),
    };
  const [name, column] = 'min' in measure ? ['min', measure.min] : ['max', measure.max];
  return {
    expressions: [`${name}(t.${quoted(column)})`],
    read: ([value]) => columnValue(schema.columns[column] ?? 'text', value ?? null),
  };
}

function groupReader(table: SqlTable, query: AggregateQuery, measures: readonly (readonly [string, MeasureSql])[]) {
  const types = query.groupBy.map((column) => table.schema.columns[column] ?? 'text');
  return (row: SqlRow, range: number | undefined): AggregatedGroup => {
    let at = 0;
    const keys: Record<string, ColumnValue> = {};
    for (const [index, column] of query.groupBy.entries()) {
      keys[column] = columnValue(types[index] ?? 'text', row[at] ?? null);
      at += 1;
    }
    const values: Record<string, ColumnValue> = {};
    for (const [name, { expressions, read }] of measures) {
      values[name] = read(row.slice(at, at + expressions.length));
      at += expressions.length;
    }
    return { ...(range === undefined ? {} : { range }), keys, measures: values };
  };
}

const OVERFLOW = 'integer overflow';

/** Sums are exact whatever their size: where 64 bits do not hold them, their two halves are summed apart. */
export function aggregateIn(
  connection: Connection,
  table: SqlTable,
  query: AggregateQuery,
): readonly AggregatedGroup[] {
  assertValidAggregate(table.schema, query);
  try {
    return aggregated(connection, table, query, 'plain');
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes(OVERFLOW)) throw error;
    return aggregated(connection, table, query, 'halves');
  }
}

function aggregated(
  connection: Connection,
  table: SqlTable,
  query: AggregateQuery,
  summing: Summing,
): readonly AggregatedGroup[] {
  const { ranges, groupBy } = query;
  const measures = Object.entries(query.measures).map(
    ([name, measure]) => [name, measureSql(table.schema, measure, summing)] as const,
  );
  const groups = groupBy.map((column) => `t.${quoted(column)}`);
  const selected = [...groups, ...measures.flatMap(([, { expressions }]) => expressions)];
  const column = ranges === undefined ? '' : `t.${quoted(ranges.column)}`;
  const where = whereSql(
    query.where,
    ...(ranges === undefined ? [] : [{ text: `${column} >= ? AND ${column} < ?`, parameters: [] }]),
  );
  const sql = `SELECT ${selected.join(', ')} FROM ${table.name} t ${where.text} ${
    groups.length === 0 ? '' : `GROUP BY ${groups.join(', ')}`
  } HAVING count(*) > 0 LIMIT ?`;
  const read = groupReader(table, query, measures);
  const found: AggregatedGroup[] = [];
  const ask = (label: number | undefined, stretch: readonly SqlValue[]) => {
    const limit = AGGREGATE_GROUPS_MAX + 1 - found.length;
    for (const row of connection.all(sql, [...where.parameters, ...stretch, limit])) found.push(read(row, label));
    if (found.length > AGGREGATE_GROUPS_MAX)
      throw new TooManyGroupsError(`more than ${AGGREGATE_GROUPS_MAX} groups are too many`);
  };
  // One statement per stretch: each reads its own part of the data in order, where one for all would have to sort.
  if (ranges === undefined) ask(undefined, []);
  else for (const { label, from, before } of ranges.of) ask(label, [from, before]);
  return orderGroups(query, mergeGroups(found, groupBy, query.measures));
}
