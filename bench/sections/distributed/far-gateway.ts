import { parseConnectionString } from '#event-store/eventstoredb';
import { fixed, type SectionResult } from '../../figures';
import { DelayProxy } from '../../support/delay-proxy';
import { SERVER_URL_VARIABLE } from '../../targets/bench-store';
import { CHAT_KINDS } from '../../targets/target';
import { type ClusterRun, runCluster, type World } from './cluster-run';

const WARM_UP_MS = 4_000;
const CONNECTIONS = 30;
const NEAR_GATEWAYS = 2;

/** The same server, reached over the long way. */
async function longWay(connectionString: string, delayMs: number) {
  const [{ address, port } = { address: '', port: 0 }] = parseConnectionString(connectionString).endpoints;
  const direct = `${address}:${port}`;
  if (!connectionString.includes(direct)) throw new Error(`${SERVER_URL_VARIABLE} must name host and port`);
  const proxy = await DelayProxy.start({ host: address, port }, delayMs);
  return { proxy, connectionString: connectionString.replace(direct, `127.0.0.1:${proxy.port}`) };
}

function rowsOf(what: string, run: ClusterRun): string[][] {
  return Object.entries(run.shares).map(([name, { perSecond, p50Ms, p99Ms, maxMs }]) => [
    what,
    name,
    fixed(perSecond, 0),
    ...[p50Ms, p99Ms, maxMs].map((ms) => fixed(ms)),
  ]);
}

/**
 * One gateway whose way to the store is long, beside near ones, all at the same organization: it loses every race, and
 * must not starve.
 */
export async function benchFarGateway(
  world: World,
  { delayMs, seconds }: { readonly delayMs: number; readonly seconds: number },
  tell: (progress: string) => void,
): Promise<SectionResult> {
  const { gateways, store, customers } = world;
  const near = gateways.all.slice(0, NEAR_GATEWAYS);
  await gateways.only(near);
  const { proxy, connectionString } = await longWay(store.connectionString, delayMs);
  try {
    const far = await gateways.add('far', connectionString);
    const rows: string[][] = [];
    const runs: Record<string, ClusterRun> = {};
    for (const kind of CHAT_KINDS)
      for (const [title, its] of [
        ['alone', [far]],
        ['together', [...near, far]],
      ] as const) {
        const job = { gateways: its, customers: customers.slice(0, 1), kind, connections: CONNECTIONS };
        const run = await runCluster(world, { ...job, warmUpMs: WARM_UP_MS, measureMs: seconds * 1_000 });
        const { forwarded, ...contentions } = run.contentions;
        tell(`${kind}, far ${title}: ${fixed(run.shares[far.name]?.perSecond, 0)}/s of ${fixed(run.perSecond, 0)}/s`);
        const costs = `${contentions['round-lost'].batches} rounds lost, ${forwarded.commands} commands forwarded, ${contentions['forward-in-doubt'].commands} in doubt, ${run.failures} calls failed`;
        rows.push(...rowsOf(`${kind}, ${title}`, run), [`  ${costs}`, '', '', '', '', '']);
        runs[`${kind}, ${title}`] = run;
      }
    return {
      title: `A gateway whose way to the store takes ${delayMs} ms longer each way, one organization, ${CONNECTIONS} connections`,
      columns: ['kind', 'gateway', 'calls/s', 'p50 ms', 'p99 ms', 'max ms'],
      rows,
      notes: [],
      aims: [],
      figures: runs,
    };
  } finally {
    for (const gateway of gateways.all.splice(NEAR_GATEWAYS)) await gateway.process.stop('SIGKILL');
    proxy.stop();
  }
}
