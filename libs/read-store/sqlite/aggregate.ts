import { Histogram } from '../histogram';
import { mergeGroups } from '../merge-groups';
import { TooManyGroupsError } from '../port';
import { AGGREGATE_GROUPS_MAX, type AggregatedGroup, type AggregateQuery, type Measure } from '../query';
import { assertValidAggregate } from '../rules';
import type { ColumnValue, TableSchema } from '../schema';
import { orderGroups } from '../values';
import type { Connection, SqlRow, SqlValue } from './connection';
import { extentOf, type Run, runsOf } from './runs';
import { columnValue, quoted, type SqlTable } from './tables';
import { whereSql } from './where';

/** How a measure is asked of SQLite, and how its columns are read: the first of them is the row's `at`. */
interface MeasureSql {
  readonly expressions: readonly string[];
  readonly read: (row: SqlRow, at: number) => ColumnValue;
}

/** SQLite's own sums end at 64 bits. */
type Summing = 'plain' | 'halves';

function sumSql(name: string, summing: Summing): MeasureSql {
  return summing === 'plain'
    ? { expressions: [`sum(${name})`], read: (row, at) => BigInt(row[at] ?? 0) }
    : {
        expressions: [`sum(${name} >> 32)`, `sum(${name} & 4294967295)`],
        read: (row, at) => (BigInt(row[at] ?? 0) << 32n) + BigInt(row[at + 1] ?? 0),
      };
}

function measureSql(schema: TableSchema, measure: Measure, summing: Summing): MeasureSql {
  if ('count' in measure) return { expressions: ['count(*)'], read: (row, at) => BigInt(row[at] ?? 0) };
  if ('sum' in measure) return sumSql(`t.${quoted(measure.sum)}`, summing);
  if ('merge' in measure)
    return {
      expressions: [`group_concat(t.${quoted(measure.merge)}, '')`],
      read: (row, at) => Histogram.decode(String(row[at] ?? '')).encode(),
    };
  const [name, column] = 'min' in measure ? ['min', measure.min] : ['max', measure.max];
  return {
    expressions: [`${name}(t.${quoted(column)})`],
    read: (row, at) => columnValue(schema.columns[column] ?? 'text', row[at] ?? null),
  };
}

function groupReader(table: SqlTable, query: AggregateQuery, measures: readonly (readonly [string, MeasureSql])[]) {
  const types = query.groupBy.map((column) => table.schema.columns[column] ?? 'text');
  /** What groups begins at the row's `from`, the measures follow. */
  return (row: SqlRow, from: number, range: number | undefined): AggregatedGroup => {
    let at = from;
    const keys: Record<string, ColumnValue> = {};
    for (const [index, column] of query.groupBy.entries()) {
      keys[column] = columnValue(types[index] ?? 'text', row[at] ?? null);
      at += 1;
    }
    const values: Record<string, ColumnValue> = {};
    for (const [name, { expressions, read }] of measures) {
      values[name] = read(row, at);
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

/**
 * So many stretches that follow one another are read by one statement, value by value, and put together here: a
 * statement costs some ten microseconds, however little it reads.
 */
const RUN_RANGES_MIN = 100;

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
  const expressions = measures.flatMap(([, measure]) => measure.expressions);
  const column = ranges === undefined ? '' : `t.${quoted(ranges.column)}`;
  const where = whereSql(
    query.where,
    ...(ranges === undefined ? [] : [{ text: `${column} >= ? AND ${column} < ?`, parameters: [] }]),
  );
  const statement = (by: readonly string[]) =>
    `SELECT ${[...by, ...expressions].join(', ')} FROM ${table.name} t ${where.text} ${
      by.length === 0 ? '' : `GROUP BY ${by.join(', ')}`
    } HAVING count(*) > 0 LIMIT ?`;
  const read = groupReader(table, query, measures);
  const found: AggregatedGroup[] = [];
  const rows = (sql: string, stretch: readonly SqlValue[]) =>
    connection.all(sql, [...where.parameters, ...stretch, AGGREGATE_GROUPS_MAX + 1 - found.length]);
  const isTooMany = (more: number) => found.length + more > AGGREGATE_GROUPS_MAX;

  const groups = statement(groupBy.map((name) => `t.${quoted(name)}`));
  const ask = (label: number | undefined, stretch: readonly SqlValue[]) => {
    for (const row of rows(groups, stretch)) found.push(read(row, 0, label));
    if (isTooMany(0)) throw new TooManyGroupsError(`more than ${AGGREGATE_GROUPS_MAX} groups are too many`);
  };
  /** Says no, having found nothing, where stretches hold too many values. */
  const askInOne = (run: Run): boolean => {
    const { from, before, width } = extentOf(run);
    // Values come in the order in which they are kept, stretches would be sorted: worth it where they hold several.
    const hasSeveral = ranges?.step !== undefined && width > ranges.step;
    const by = hasSeveral ? `(${column} - ${from}) / ${width}` : column;
    const all = rows(statement([by]), [from, before]);
    if (isTooMany(all.length)) return false;
    for (const row of all) {
      const index = hasSeveral ? Number(row[0]) : Math.floor((Number(row[0]) - from) / width);
      found.push(read(row, 1, run[index]?.label));
    }
    return true;
  };

  if (ranges === undefined) ask(undefined, []);
  else
    for (const run of runsOf(ranges.of)) {
      if (groupBy.length === 0 && run.length >= RUN_RANGES_MIN && askInOne(run)) continue;
      // One statement per stretch: each reads its own part of the data in order, where one for all would have to sort.
      for (const { label, from, before } of run) ask(label, [from, before]);
    }
  return orderGroups(query, mergeGroups(found, groupBy, query.measures));
}
