import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fixed, type SectionResult } from '../../figures';
import { LoadGenerator } from '../../load/load-generator';
import type { DistributedOptions } from '../../options';
import { openBenchStore } from '../../targets/bench-store';
import { type Customer, makeCustomer, makeModels } from '../../targets/customers';
import { Gateways } from '../../targets/gateways';
import { CHAT_KINDS } from '../../targets/target';
import { startUpstream } from '../../targets/upstream';
import { casesSection, measureCases } from './cases';
import { runCluster, type World } from './cluster-run';
import { benchFarGateway } from './far-gateway';

const FAR_DELAY_MS = 10;
/** Before anything is measured: a server runs for weeks, and its code is compiled after its first thousands of calls. */
const COMPILE_MS = 6_000;
const COMPILE_CONNECTIONS = 32;
const MADE_AT_ONCE = 8;

async function makeCustomers({ admin }: Gateways, many: number): Promise<Customer[]> {
  const names = Array.from({ length: many }, (_, index) => `Bench-${index}`);
  const customers: Customer[] = [];
  while (names.length > 0)
    customers.push(...(await Promise.all(names.splice(0, MADE_AT_ONCE).map((name) => makeCustomer(admin, name)))));
  return customers;
}

async function warmUp(world: World): Promise<void> {
  const { gateways, customers } = world;
  for (const gateway of gateways.all)
    for (const kind of CHAT_KINDS)
      await runCluster(world, {
        gateways: [gateway],
        customers,
        kind,
        connections: COMPILE_CONNECTIONS,
        warmUpMs: 0,
        measureMs: COMPILE_MS,
      });
}

/** Several gateways on one record, against fewer of them. */
export async function benchDistributed(
  directory: string,
  options: DistributedOptions,
  tell: (progress: string) => void,
): Promise<Readonly<Record<string, SectionResult>>> {
  mkdirSync(directory, { recursive: true });
  const upstream = await startUpstream();
  const store = await openBenchStore(join(directory, 'store'));
  const generator = new LoadGenerator();
  const gateways = new Gateways(directory, store);
  try {
    for (let index = 1; index <= Math.max(...options.gateways); index += 1) await gateways.add(`gateway ${index}`);
    tell(`${gateways.all.length} gateways on ${store.description}; making ${options.organizations} organizations`);
    const startedMs = performance.now();
    await makeModels(gateways.admin, upstream.baseUrl);
    const customers = await makeCustomers(gateways, options.organizations);
    tell(`made in ${fixed((performance.now() - startedMs) / 1_000, 0)} s; warming up`);
    const world: World = { generator, store, gateways, customers };
    await warmUp(world);
    const cells = await measureCases(world, options, tell);
    const cases = casesSection(cells, options, options.organizations, store.description);
    return { cases, far: await benchFarGateway(world, { delayMs: FAR_DELAY_MS, seconds: options.seconds }, tell) };
  } finally {
    await gateways.stop();
    generator.close();
    upstream.stop();
    await store.stop();
  }
}
