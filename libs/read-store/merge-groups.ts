import { Histogram } from './histogram';
import type { AggregatedGroup, Measure } from './query';
import type { ColumnValue } from './schema';
import { compareValues } from './values';

type Measures = Readonly<Record<string, Measure>>;

function merged(measure: Measure, left: ColumnValue, right: ColumnValue): ColumnValue {
  // Histograms that stand one after the other read as their sum.
  if ('merge' in measure) return `${left ?? ''}${right ?? ''}`;
  if ('max' in measure) return compareValues(left, right) > 0 ? left : right;
  if ('min' in measure) return left === null || (right !== null && compareValues(left, right) > 0) ? right : left;
  return BigInt(left ?? 0) + BigInt(right ?? 0);
}

/** A column has values of one type only, and perhaps none: those are told apart from the text "null". */
function plain(value: ColumnValue): string | number | null {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Tells groups apart by range and keys. */
function keyOf(columns: readonly string[]): (group: AggregatedGroup) => unknown {
  if (columns.length === 0) return ({ range }) => range;
  return ({ range, keys }) => JSON.stringify([range, ...columns.map((column) => plain(keys[column] ?? null))]);
}

/** Makes one group of those with the same range and keys, which came from different parts of the data. */
export function mergeGroups(
  groups: readonly AggregatedGroup[],
  columns: readonly string[],
  measures: Measures,
): readonly AggregatedGroup[] {
  const byKey = new Map<unknown, AggregatedGroup[]>();
  const keyFor = keyOf(columns);
  for (const group of groups) {
    const key = keyFor(group);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [group]);
    else known.push(group);
  }
  return [...byKey.values()].flatMap((parts) => {
    const [first, second] = parts;
    if (first === undefined) return [];
    return second === undefined ? first : { ...first, measures: sumOf(parts, measures) };
  });
}

/** The measures of all groups together. */
export function sumOf(groups: readonly AggregatedGroup[], measures: Measures): AggregatedGroup['measures'] {
  const sums: Record<string, ColumnValue> = {};
  for (const [name, measure] of Object.entries(measures)) {
    const sum = groups.reduce<ColumnValue>(
      (value, group) => merged(measure, value, group.measures[name] ?? null),
      null,
    );
    sums[name] = 'merge' in measure ? Histogram.decode(String(sum ?? '')).encode() : sum;
  }
  return sums;
}
