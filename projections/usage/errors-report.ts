import { type AggregatedGroup, compareValues, type Measure, type ReadSnapshot } from '#read-store';
import { watermarkOf } from '../calls';
import { groupedUsage, usageGroup } from './grouped';
import { USAGE_VIEW } from './projection';
import type { ErrorFigures, ErrorsReport, ErrorsReportParams, UsageDimension, UsageOutcome } from './types';

const MEASURES: Readonly<Record<string, Measure>> = { calls: { sum: 'calls' }, refused: { sum: 'refused' } };
const SPLIT: readonly UsageDimension[] = ['outcome', 'code'];
/** The platform and its backends did what they were asked to. */
const NO_ERRORS: ReadonlySet<UsageOutcome> = new Set(['completed', 'interrupted', 'resolved']);

function figuresOf(groups: readonly AggregatedGroup[]): ErrorFigures {
  const counts = new Map<string, ErrorFigures['byCode'][number]>();
  let [calls, errors] = [0n, 0n];
  for (const { keys, measures } of groups) {
    const outcome = String(keys.outcome) as UsageOutcome;
    const code = typeof keys.code === 'string' ? keys.code : null;
    const counted = BigInt(measures.calls ?? 0n) + BigInt(measures.refused ?? 0n);
    calls += counted;
    if (NO_ERRORS.has(outcome)) continue;
    errors += counted;
    const key = JSON.stringify([outcome, code]);
    counts.set(key, { outcome, code, calls: (counts.get(key)?.calls ?? 0n) + counted });
  }
  return {
    calls,
    errors,
    errorRate: calls === 0n ? 0 : Number(errors) / Number(calls),
    byCode: [...counts.values()].sort(
      (left, right) =>
        -compareValues(left.calls, right.calls) ||
        compareValues(left.outcome, right.outcome) ||
        compareValues(left.code, right.code),
    ),
  };
}

export async function errorsReport(snapshot: ReadSnapshot, params: ErrorsReportParams): Promise<ErrorsReport> {
  const dimensions = params.groupBy ?? [];
  const grouped = await groupedUsage(snapshot, params, MEASURES, [...dimensions, ...SPLIT]);
  const rows = new Map<string, { group: ReturnType<typeof usageGroup>; parts: AggregatedGroup[] }>();
  for (const part of grouped.groups) {
    const group = usageGroup(grouped, part, dimensions);
    const key = JSON.stringify([part.range, group.keys]);
    const row = rows.get(key) ?? { group, parts: [] };
    row.parts.push(part);
    rows.set(key, row);
  }
  return {
    ...grouped.range,
    rows: [...rows.values()].map(({ group, parts }) => ({ ...group, ...figuresOf(parts) })),
    totals: figuresOf(grouped.groups),
    watermark: await watermarkOf(snapshot, USAGE_VIEW, params.orgId),
  };
}
