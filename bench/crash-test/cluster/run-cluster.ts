import { join } from 'node:path';
import { startStoreServer } from '#testing/gateway-cluster';
import { SERVER_COMMAND_VARIABLE } from '#testing/real-store-server';
import { startUpstream } from '../../targets/upstream';
import type { CrashOptions } from '../options';
import { Violations } from '../violations';
import { Cluster } from './cluster';
import { ClusterAudit } from './cluster-audit';
import { ClusterCrashTest } from './cluster-crash-test';

function summary(test: ClusterCrashTest, audit: ClusterAudit, cluster: Cluster, seconds: number): string[] {
  const { kills, counts } = test.disturbances;
  const disturbed = [...counts].map(([kind, count]) => `${kind}: ${count}`).sort();
  return [
    `kills        ${kills} (${((kills * 60) / seconds).toFixed(1)} a minute)`,
    `disturbed    ${disturbed.join(', ')}`,
    `starts       ${cluster.startsGivenUp} were given up since the store went away in their middle`,
    ...test.calls.lines,
    `commands     ${test.commands}, of which ${test.commandsFailed} were not acknowledged`,
    `upstream     ${audit.upstreamCalls} calls`,
    `record       ${audit.events} events, ${audit.unresolvedCalls().length} calls left unresolved`,
    `holds ended  at most ${Math.round(audit.restMsMax)} ms after the load`,
    `rest spent   ${test.restPercent} %`,
  ];
}

/** Runs the crash test on several gateways and one store. @returns the lines of its report. */
export async function crashCluster(
  options: CrashOptions,
  directory: string,
  violations: Violations,
): Promise<string[]> {
  const startedMs = performance.now();
  const tell = (what: string): void => {
    process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s: ${what}\n`);
  };
  const upstreamLog = join(directory, 'upstream.jsonl');
  const upstream = await startUpstream(upstreamLog);
  const store = await startStoreServer(join(directory, 'store'));
  if (!store.isKilledForReal) tell(`${SERVER_COMMAND_VARIABLE} is not set`);
  const cluster = await Cluster.start(store, directory, options.gateways, violations);
  const audit = new ClusterAudit(store.connectionString, violations, upstreamLog);
  const test = new ClusterCrashTest(cluster, audit, options, violations, tell);
  try {
    await test.run(upstream.baseUrl, () =>
      tell(`${test.disturbances.kills} kills, ${test.calls.total} calls, ${violations.count} violations`),
    );
    if (violations.count > 0) await audit.writeRecord(join(directory, 'record.jsonl'));
  } finally {
    await audit.close();
    await cluster.stop();
    upstream.stop();
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  return [
    `store        ${store.description}`,
    `gateways     ${options.gateways}`,
    ...summary(test, audit, cluster, seconds),
  ];
}
