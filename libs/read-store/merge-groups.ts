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

function mapped(
  names: Measures,
  value: (name: string, measure: Measure) => ColumnValue,
): Readonly<Record<string, ColumnValue>> {
  const values: Record<string, ColumnValue> = {};
  for (const [name, measure] of Object.entries(names)) values[name] = value(name, measure);
  return values;
}

/** Makes one group of those with the same range and keys, which came from different parts of the data. */
export function mergeGroups(
  groups: readonly AggregatedGroup[],
  columns: readonly string[],
  measures: Measures,
): readonly AggregatedGroup[] {
  const byKey = new Map<string, AggregatedGroup>();
  const sums = new Set<string>();
  for (const group of groups) {
    const key = JSON.stringify([group.range, ...columns.map((column) => String(group.keys[column]))]);
    const known = byKey.get(key);
    const sum = (name: string, measure: Measure) =>
      merged(measure, known?.measures[name] ?? null, group.measures[name] ?? null);
    byKey.set(key, known === undefined ? group : { ...known, measures: mapped(measures, sum) });
    if (known !== undefined) sums.add(key);
  }
  if (Object.values(measures).some((measure) => 'merge' in measure))
    for (const key of sums) {
      const group = byKey.get(key);
      if (group !== undefined) byKey.set(key, { ...group, measures: mapped(measures, shortest(group)) });
    }
  return [...byKey.values()];
}

/** Brings a group's histograms into their one shortest form. */
function shortest({ measures }: AggregatedGroup) {
  return (name: string, measure: Measure): ColumnValue => {
    const value = measures[name] ?? null;
    return 'merge' in measure ? Histogram.decode(String(value ?? '')).encode() : value;
  };
}
