import { type EpochMs, epochMs, nanoUsd, type OrganizationId } from '#kernel';
import { type AggregatedGroup, type Measure, type ReadSnapshot, sumOf } from '#read-store';
import { unsettledCalls, watermarkOf } from '../calls';
import { type GroupedUsage, groupedUsage, usageGroup, whereOf } from './grouped';
import { USAGE_VIEW } from './projection';
import { SUM_COLUMNS } from './tables';
import type {
  Freshness,
  FreshnessParams,
  ProjectUsageTotals,
  ProjectUsageTotalsParams,
  UsageReport,
  UsageReportParams,
  UsageTotals,
} from './types';

const TOTALS: Readonly<Record<string, Measure>> = Object.fromEntries(
  SUM_COLUMNS.map((column) => [column, { sum: column }]),
);

export function totalsOf(measures: AggregatedGroup['measures']): UsageTotals {
  const sum = (name: string) => BigInt(measures[name] ?? 0n);
  return {
    calls: sum('calls'),
    refused: sum('refused'),
    inputTokens: sum('inputTokens'),
    cachedInputTokens: sum('cachedInputTokens'),
    cacheWriteTokens: sum('cacheWriteTokens'),
    outputTokens: sum('outputTokens'),
    unsplitTokens: sum('unsplitTokens'),
    cost: nanoUsd(sum('cost')),
    excess: nanoUsd(sum('excess')),
  };
}

/** The sum of all groups, in exactly the measures' own arithmetic. */
export function overall(
  { groups }: GroupedUsage,
  measures: Readonly<Record<string, Measure>>,
): AggregatedGroup['measures'] {
  return sumOf(groups, measures);
}

export async function usageReport(snapshot: ReadSnapshot, params: UsageReportParams): Promise<UsageReport> {
  const grouped = await groupedUsage(snapshot, params, TOTALS);
  return {
    ...grouped.range,
    rows: grouped.groups.map((group) => ({
      ...usageGroup(grouped, group, params.groupBy),
      ...totalsOf(group.measures),
    })),
    totals: totalsOf(overall(grouped, TOTALS)),
    watermark: await watermarkOf(snapshot, USAGE_VIEW, params.orgId),
  };
}

/** What a key reads of its own project. */
export async function projectUsageTotals(
  snapshot: ReadSnapshot,
  { orgId, projectId, from, to, model }: ProjectUsageTotalsParams,
): Promise<ProjectUsageTotals> {
  const where = { project: [projectId], ...(model === undefined ? {} : { model: [model] }) };
  const params = { orgId, from, to, granularity: 'total', groupBy: ['model'], where } as const;
  const grouped = await groupedUsage(snapshot, params, TOTALS);
  return {
    from: grouped.range.from,
    to: grouped.range.to,
    totals: totalsOf(overall(grouped, TOTALS)),
    models: grouped.groups.map((group) => ({ model: String(group.keys.model), ...totalsOf(group.measures) })),
    watermark: await watermarkOf(snapshot, USAGE_VIEW, orgId),
  };
}

/** Totals since the beginning, by API key. */
export async function totalsByKey(
  snapshot: ReadSnapshot,
  orgId: OrganizationId,
  keyIds: readonly string[],
): Promise<ReadonlyMap<string, UsageTotals>> {
  const where = whereOf(orgId, { 'api-key': keyIds });
  const groups = await snapshot.aggregate(USAGE_VIEW, 'days', { where, groupBy: ['keyId'], measures: TOTALS });
  return new Map(groups.map((group) => [String(group.keys.keyId), totalsOf(group.measures)]));
}

export const NO_TOTALS: UsageTotals = totalsOf({});

export async function freshness(snapshot: ReadSnapshot, { orgId, projectId }: FreshnessParams): Promise<Freshness> {
  const { open, unresolved } = await unsettledCalls(snapshot, orgId, projectId);
  const groups = await snapshot.aggregate(USAGE_VIEW, 'days', {
    where: { ...whereOf(orgId, projectId === undefined ? {} : { project: [projectId] }), lastAt: { from: 1 } },
    groupBy: ['model'],
    measures: { lastAt: { max: 'lastAt' } },
  });
  return {
    openCalls: open,
    unresolvedCalls: unresolved,
    models: groups.map(({ keys, measures }) => ({
      model: String(keys.model),
      lastCallAt: epochMs(Number(measures.lastAt)) satisfies EpochMs,
    })),
    watermark: await watermarkOf(snapshot, USAGE_VIEW, orgId),
  };
}
