import { Histogram } from '../histogram';
import { TooManyGroupsError } from '../port';
import { AGGREGATE_GROUPS_MAX, type AggregatedGroup, type AggregateQuery, type Measure } from '../query';
import { assertValidAggregate } from '../rules';
import type { ColumnValue, TableSchema } from '../schema';
import { orderGroups } from '../values';
import type { Connection, SqlRow } from './connection';
import { columnValue, quoted, type SqlTable } from './tables';
import { whereSql } from './where';

/** How a measure is asked of SQLite, and how its columns are read. */
interface MeasureSql {
  readonly expressions: readonly string[];
  readonly read: (values: SqlRow) => ColumnValue;
}

function measureSql(schema: TableSchema, measure: Measure): MeasureSql {
  if ('count' in measure) return { expressions: ['count(*)'], read: ([count]) => BigInt(count ?? 0) };
  if ('sum' in measure) {
    const name = `t.${quoted(measure.sum)}`;
    // SQLite's own sums end at 64 bits: the two halves are summed apart, which is exact and never overflows.
    return {
      expressions: [`sum(${name} >> 32)`, `sum(${name} & 4294967295)`],
      read: ([high, low]) => (BigInt(high ?? 0) << 32n) + BigInt(low ?? 0),
    };
  }
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
  return (row: SqlRow): AggregatedGroup => {
    let at = query.ranges === undefined ? 0 : 1;
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
    return { ...(query.ranges === undefined ? {} : { range: Number(row[0]) }), keys, measures: values };
  };
}

export function aggregateIn(
  connection: Connection,
  table: SqlTable,
  query: AggregateQuery,
): readonly AggregatedGroup[] {
  assertValidAggregate(table.schema, query);
  const { ranges } = query;
  const measures = Object.entries(query.measures).map(
    ([name, measure]) => [name, measureSql(table.schema, measure)] as const,
  );
  const groups = [
    ...(ranges === undefined ? [] : ['r.label']),
    ...query.groupBy.map((column) => `t.${quoted(column)}`),
  ];
  const selected = [...groups, ...measures.flatMap(([, { expressions }]) => expressions)];
  const column = ranges === undefined ? '' : `t.${quoted(ranges.column)}`;
  const further =
    ranges === undefined ? [] : [{ text: `${column} >= r."from" AND ${column} < r.before`, parameters: [] }];
  const where = whereSql(query.where, ...further);
  // The stretches come first and CROSS JOIN keeps them there, so that each reads its part of an index.
  const from =
    ranges === undefined
      ? `FROM ${table.name} t`
      : `FROM (SELECT value ->> 0 AS "from", value ->> 1 AS before, value ->> 2 AS label FROM json_each(?)) r CROSS JOIN ${table.name} t`;
  const stretches =
    ranges === undefined ? [] : [JSON.stringify(ranges.of.map((range) => [range.from, range.before, range.label]))];
  const rows = connection.all(
    `SELECT ${selected.join(', ')} ${from} ${where.text} ${groups.length === 0 ? '' : `GROUP BY ${groups.join(', ')}`} HAVING count(*) > 0 LIMIT ?`,
    [...stretches, ...where.parameters, AGGREGATE_GROUPS_MAX + 1],
  );
  if (rows.length > AGGREGATE_GROUPS_MAX)
    throw new TooManyGroupsError(`more than ${AGGREGATE_GROUPS_MAX} groups are too many`);
  return orderGroups(query, rows.map(groupReader(table, query, measures)));
}
