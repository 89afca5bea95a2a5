import { Buffer } from 'node:buffer';
import type { AggregatedGroup, AggregateQuery } from './query';
import type { ColumnValue } from './schema';

/** Orders values as every adapter does: no value first, numbers by size, texts by their UTF-8 bytes. */
export function compareValues(left: ColumnValue, right: ColumnValue): number {
  if (left === right) return 0;
  if (left === null) return -1;
  if (right === null) return 1;
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Orders groups as the query says, and otherwise by range and keys, so that answers are the same byte for byte. */
export function orderGroups(query: AggregateQuery, groups: readonly AggregatedGroup[]): readonly AggregatedGroup[] {
  const { orderBy, groupBy, limit } = query;
  const sign = orderBy?.direction === 'descending' ? -1 : 1;
  const ordered = [...groups].sort((left, right) => {
    if (orderBy !== undefined) {
      const order = compareValues(left.measures[orderBy.measure] ?? null, right.measures[orderBy.measure] ?? null);
      if (order !== 0) return sign * order;
    }
    if (left.range !== right.range) return (left.range ?? 0) - (right.range ?? 0);
    for (const column of groupBy) {
      const order = compareValues(left.keys[column] ?? null, right.keys[column] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
  return limit === undefined ? ordered : ordered.slice(0, limit);
}
