import { Histogram } from '../histogram';
import { TooManyGroupsError } from '../port';
import {
  AGGREGATE_GROUPS_MAX,
  type AggregatedGroup,
  type AggregateQuery,
  type Condition,
  type FindQuery,
  type FoundPage,
  type Measure,
  type Where,
} from '../query';
import type { ColumnValue, Document } from '../schema';
import { compareValues, orderGroups } from '../values';

export function columnOf(document: Document, column: string): ColumnValue {
  return column === 'id' ? document.id : (document.columns[column] ?? null);
}

function meets(value: ColumnValue, condition: Condition): boolean {
  if ('present' in condition) return (value !== null) === condition.present;
  if (value === null) return false;
  if ('eq' in condition) return value === condition.eq;
  if ('in' in condition) return condition.in.includes(value);
  const { from = null, before = null } = condition;
  return (from === null || compareValues(value, from) >= 0) && (before === null || compareValues(value, before) < 0);
}

function matches(document: Document, where: Where): boolean {
  return Object.entries(where).every(([column, condition]) => meets(columnOf(document, column), condition));
}

export function findRows(rows: Iterable<Document>, query: FindQuery): FoundPage {
  const { column, direction } = query.orderBy;
  const sign = direction === 'ascending' ? 1 : -1;
  const order = (value: ColumnValue, id: string, other: ColumnValue, otherId: string) =>
    sign * (compareValues(value, other) || compareValues(id, otherId));
  const { after } = query;
  const found = [...rows]
    .filter((document) => columnOf(document, column) !== null && matches(document, query.where))
    .filter((one) => after === undefined || order(columnOf(one, column), one.id, after.value, after.id) > 0)
    .sort((left, right) => order(columnOf(left, column), left.id, columnOf(right, column), right.id));
  const documents = found.slice(0, query.limit);
  const last = documents.at(-1);
  const value = last === undefined ? null : columnOf(last, column);
  if (last === undefined || value === null || found.length <= query.limit) return { documents };
  return { documents, next: { value, id: last.id } };
}

function measured(documents: readonly Document[], measure: Measure): ColumnValue {
  if ('count' in measure) return BigInt(documents.length);
  if ('sum' in measure)
    return documents.reduce((sum, document) => sum + BigInt(columnOf(document, measure.sum) ?? 0), 0n);
  if ('merge' in measure) {
    const merged = new Histogram();
    for (const document of documents) merged.add(String(columnOf(document, measure.merge) ?? ''));
    return merged.encode();
  }
  const column = 'min' in measure ? measure.min : measure.max;
  const values = documents
    .map((document) => columnOf(document, column))
    .filter((value) => value !== null)
    .sort(compareValues);
  return ('min' in measure ? values[0] : values.at(-1)) ?? null;
}

export function aggregateRows(rows: Iterable<Document>, query: AggregateQuery): readonly AggregatedGroup[] {
  const { ranges, groupBy, measures } = query;
  const groups = new Map<string, { range?: number; documents: Document[] }>();
  for (const document of rows) {
    if (!matches(document, query.where)) continue;
    const at = ranges === undefined ? 0 : Number(columnOf(document, ranges.column) ?? Number.NaN);
    const range = ranges?.of.find(({ from, before }) => from <= at && at < before)?.label;
    if (ranges !== undefined && range === undefined) continue;
    const keys = groupBy.map((column) => columnOf(document, column));
    const key = JSON.stringify([range ?? null, ...keys.map((one) => (typeof one === 'bigint' ? String(one) : one))]);
    const group = groups.get(key) ?? { ...(range === undefined ? {} : { range }), documents: [] };
    group.documents.push(document);
    groups.set(key, group);
  }
  if (groups.size > AGGREGATE_GROUPS_MAX) throw new TooManyGroupsError(`${groups.size} groups are too many`);
  const aggregated = [...groups.values()].map(({ range, documents }): AggregatedGroup => {
    const [first] = documents;
    return {
      ...(range === undefined ? {} : { range }),
      keys: Object.fromEntries(groupBy.map((column) => [column, first === undefined ? null : columnOf(first, column)])),
      measures: Object.fromEntries(
        Object.entries(measures).map(([name, measure]) => [name, measured(documents, measure)]),
      ),
    };
  });
  return orderGroups(query, aggregated);
}
