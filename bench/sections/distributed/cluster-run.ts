import type { LoadResult } from '../../load/job';
import type { LoadGenerator } from '../../load/load-generator';
import { type Contentions, contentionsOf, contentionsSince } from '../../support/contention';
import { processStats, watchMachine } from '../../support/process-stats';
import type { BenchStore } from '../../targets/bench-store';
import { benchModel, type Customer } from '../../targets/customers';
import type { Gateway, Gateways } from '../../targets/gateways';
import { bodyFor, CALL_PATHS, type CallKind } from '../../targets/target';

export interface World {
  readonly generator: LoadGenerator;
  readonly store: BenchStore;
  readonly gateways: Gateways;
  /** Of many organizations; the first one alone is the hot one. */
  readonly customers: readonly Customer[];
}

export interface ClusterJob {
  readonly gateways: readonly Gateway[];
  readonly customers: readonly Customer[];
  readonly kind: CallKind;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface ClusterRun extends LoadResult {
  /** Processor time of all gateways together, views included, per answer. */
  readonly cpuMicros: number | undefined;
  readonly machineBusy: number | undefined;
  readonly contentions: Contentions;
  /** By how much the store's log grew per answer, beats of the gateways included. */
  readonly logBytes: number;
}

function cpuMs(gateways: readonly Gateway[]): number | undefined {
  const all = gateways.map(({ process }) => processStats(process.pid)?.cpuMs);
  return all.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0);
}

/** Calls of these customers through these gateways, each of which gets its share of the connections. */
export async function runCluster({ generator, store, gateways }: World, job: ClusterJob): Promise<ClusterRun> {
  await gateways.only(job.gateways);
  const urls = job.gateways.map(({ process }) => process.url);
  const [endBefore, contentionsBefore] = [await store.endOfLog(), await contentionsOf(urls)];
  const [cpuBefore, busySince] = [cpuMs(job.gateways), watchMachine()];
  const result = await generator.run({
    destinations: job.gateways.map(({ name, process }) => ({ name, port: process.port })),
    path: CALL_PATHS[job.kind],
    headers: job.customers.map(({ headers }) => headers),
    body: bodyFor(benchModel, job.kind),
    connections: job.connections,
    warmUpMs: job.warmUpMs,
    measureMs: job.measureMs,
  });
  const [cpuAfter, machineBusy] = [cpuMs(job.gateways), busySince()];
  const calls = result.answersWithWarmUp;
  const spentMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
  return {
    ...result,
    cpuMicros: spentMs === undefined ? undefined : (spentMs * 1_000) / calls,
    machineBusy,
    contentions: contentionsSince(contentionsBefore, await contentionsOf(urls)),
    logBytes: Number((await store.endOfLog()) - endBefore) / calls,
  };
}
