import { type AggregatedGroup, Histogram, type Measure, type ReadSnapshot } from '#read-store';
import { watermarkOf } from '../calls';
import { groupedUsage, usageGroup } from './grouped';
import { USAGE_VIEW } from './projection';
import { overall } from './queries';
import type { LatencyFigures, LatencyReport, LatencyReportParams, Quantiles } from './types';

const MEASURES: Readonly<Record<string, Measure>> = {
  calls: { sum: 'calls' },
  latency: { merge: 'latency' },
  firstByte: { merge: 'firstByte' },
};

function quantilesOf(encoded: unknown): Quantiles | null {
  const histogram = Histogram.decode(typeof encoded === 'string' ? encoded : '');
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => histogram.quantile(share));
  return p50 === undefined || p95 === undefined || p99 === undefined ? null : { p50, p95, p99 };
}

function figuresOf(measures: AggregatedGroup['measures']): LatencyFigures {
  return {
    calls: BigInt(measures.calls ?? 0n),
    latencyMs: quantilesOf(measures.latency),
    firstByteMs: quantilesOf(measures.firstByte),
  };
}

export async function latencyReport(snapshot: ReadSnapshot, params: LatencyReportParams): Promise<LatencyReport> {
  // How long a call takes that a client cut, or that failed at once, says little about a backend.
  const where = { outcome: ['completed'], ...params.where };
  const grouped = await groupedUsage(snapshot, { ...params, where }, MEASURES);
  return {
    ...grouped.range,
    rows: grouped.groups.map((group) => ({
      ...usageGroup(grouped, group, params.groupBy),
      ...figuresOf(group.measures),
    })),
    totals: figuresOf(overall(grouped, MEASURES)),
    watermark: await watermarkOf(snapshot, USAGE_VIEW, params.orgId),
  };
}
