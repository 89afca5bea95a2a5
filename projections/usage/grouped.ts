import {
  type AggregatedGroup,
  type AggregateQuery,
  type Condition,
  compareValues,
  type Measure,
  mergeGroups,
  type ReadSnapshot,
  TooManyGroupsError,
  type Where,
} from '#read-store';
import { QueryRefusedError } from '../common';
import { USAGE_VIEW } from './projection';
import { answeredRange, rangesByGrain, type Stretch, stretchesOf } from './ranges';
import {
  GRAIN_MS,
  GRAINS,
  type Grain,
  SUM_COLUMNS,
  scopeOf,
  TOTALLED_DIMENSIONS,
  totalsTables,
  WHOLE_SCOPE,
} from './tables';
import {
  type AnsweredRange,
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageFilter,
  type UsageGroup,
  type UsageKeys,
  type UsageRangeParams,
} from './types';

/** The most rows of a report. */
export const REPORT_ROWS_MAX = 20_000;

const DIMENSION_COLUMNS: Readonly<Record<UsageDimension, string>> = {
  project: 'projectId',
  team: 'teamId',
  'api-key': 'keyId',
  model: 'model',
  backend: 'backendId',
  endpoint: 'endpoint',
  outcome: 'outcome',
  code: 'code',
  'served-from': 'servedFrom',
};

export function whereOf(orgId: string, filter: UsageFilter = {}): Where {
  const where: Record<string, Condition> = { orgId: { eq: orgId } };
  for (const dimension of USAGE_DIMENSIONS) {
    const values = filter[dimension];
    if (values !== undefined) where[DIMENSION_COLUMNS[dimension]] = { in: values };
  }
  return where;
}

const SUMS: ReadonlySet<string> = new Set(SUM_COLUMNS);

/** The only scope's values where totals answer a question: it groups by nothing and filters by one dimension at most. */
function scopesFor(filter: UsageFilter): readonly string[] | undefined {
  const [first, ...others] = USAGE_DIMENSIONS.filter((dimension) => filter[dimension] !== undefined);
  if (first === undefined) return [WHOLE_SCOPE];
  const dimension = TOTALLED_DIMENSIONS.find((totalled) => totalled === first);
  if (dimension === undefined || others.length > 0) return undefined;
  return filter[dimension]?.map((value) => scopeOf(dimension, value));
}

/** The smallest table that holds the answer, and what is asked of it. */
function sourceFor(
  grain: Grain,
  { orgId, where = {} }: UsageRangeParams,
  { groupBy, measures }: Pick<AggregateQuery, 'groupBy' | 'measures'>,
): { readonly table: string; readonly where: Where } {
  const isTotalled =
    groupBy.length === 0 && Object.values(measures).every((measure) => 'sum' in measure && SUMS.has(measure.sum));
  const scopes = isTotalled ? scopesFor(where) : undefined;
  return grain === 'days' || scopes === undefined
    ? { table: grain, where: whereOf(orgId, where) }
    : { table: totalsTables[grain].schema.name, where: { orgId: { eq: orgId }, scope: { in: scopes } } };
}

export interface GroupedUsage {
  readonly range: AnsweredRange;
  readonly stretches: readonly Stretch[];
  /** Ascending by stretch, then by keys. */
  readonly groups: readonly AggregatedGroup[];
}

/** Ascending by stretch, then by keys. */
function ordered(groups: readonly AggregatedGroup[], columns: readonly string[]): readonly AggregatedGroup[] {
  return [...groups].sort((left, right) => {
    if (left.range !== right.range) return (left.range ?? 0) - (right.range ?? 0);
    for (const column of columns) {
      const order = compareValues(left.keys[column] ?? null, right.keys[column] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
}

/** Aggregates a range by local stretches of time and by dimensions. @throws QueryRefusedError */
export async function groupedUsage(
  snapshot: ReadSnapshot,
  params: UsageRangeParams,
  measures: Readonly<Record<string, Measure>>,
  dimensions: readonly UsageDimension[] = params.groupBy ?? [],
): Promise<GroupedUsage> {
  const range = answeredRange(params);
  const stretches = stretchesOf(range);
  const ranges = rangesByGrain(stretches);
  const columns = [...new Set(dimensions)].map((dimension) => DIMENSION_COLUMNS[dimension]);
  const groups: AggregatedGroup[] = [];
  try {
    for (const grain of GRAINS) {
      if (ranges[grain].length === 0) continue;
      const { table, where } = sourceFor(grain, params, { groupBy: columns, measures });
      const query = {
        where,
        ranges: { column: 'bucket', of: ranges[grain], step: GRAIN_MS[grain] },
        groupBy: columns,
        measures,
      };
      groups.push(...(await snapshot.aggregate(USAGE_VIEW, table, query)));
    }
  } catch (error) {
    if (error instanceof TooManyGroupsError) throw tooLarge();
    throw error;
  }
  const merged = mergeGroups(groups, columns, measures);
  if (merged.length > REPORT_ROWS_MAX) throw tooLarge();
  return { range, stretches, groups: ordered(merged, columns) };
}

function tooLarge(): QueryRefusedError {
  return new QueryRefusedError(
    'answer_too_large',
    `The report has more than ${REPORT_ROWS_MAX} rows; ask for a shorter range, a coarser granularity or fewer groups.`,
  );
}

/** What a row of a report is about. */
export function usageGroup(
  { stretches }: GroupedUsage,
  { range = 0, keys }: AggregatedGroup,
  dimensions: readonly UsageDimension[] = [],
): UsageGroup {
  const stretch = stretches[range];
  if (stretch === undefined) throw new Error(`a report has no stretch ${range}`);
  const named: { -readonly [D in UsageDimension]?: UsageKeys[D] } = {};
  for (const dimension of dimensions) {
    const value = keys[DIMENSION_COLUMNS[dimension]];
    named[dimension] = typeof value === 'string' ? value : null;
  }
  return { ...stretch, keys: named };
}
