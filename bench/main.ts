import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { aimsText, fixed, type SectionResult, sectionText } from './figures';
import { LoadGenerator } from './load/load-generator';
import { type BenchOptions, HELP, readOptions, type Section } from './options';
import { benchCalls } from './sections/calls';
import { benchDistributed } from './sections/distributed';
import { benchHostile } from './sections/hostile';
import { benchLedger } from './sections/ledger';
import { benchMemory } from './sections/memory';
import { benchReads } from './sections/reads';
import { benchRestarts } from './sections/start';
import { probeDisk } from './support/disk';
import { startBareProxy } from './targets/bare';
import { Platform } from './targets/platform';
import { CHAT_KINDS } from './targets/target';
import { startUpstream } from './targets/upstream';

type Results = Partial<Record<Section, SectionResult>>;
type Named = Readonly<Record<string, SectionResult>>;

const tell = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

function benchDisk(directory: string): SectionResult {
  const disk = probeDisk(directory);
  return {
    title: 'The disk',
    columns: ['fdatasync of one page', 'ms'],
    rows: [
      ['p50', fixed(disk.syncP50Ms, 2)],
      ['p99', fixed(disk.syncP99Ms, 2)],
    ],
    notes: ['A call waits twice for the record to be durable: before it is dispatched and before it is answered.'],
    aims: [],
    figures: disk,
  };
}

/** The sections that need a running platform, the load generator, the upstream and the bare proxy. */
async function benchPlatform(directory: string, options: BenchOptions): Promise<Results> {
  const results: Results = {};
  const upstream = await startUpstream();
  const bare = await startBareProxy(new URL(upstream.baseUrl).origin);
  const generator = new LoadGenerator();
  const platform = new Platform(directory);
  try {
    const firstMs = await platform.start();
    const target = await platform.prepare(upstream.baseUrl);
    // Memory first, since it is about a fresh process.
    if (options.only.includes('memory')) {
      tell(`${options.memorySeconds} s of load for memory`);
      results.memory = await benchMemory(generator, platform, target, options);
    }
    const targets = [upstream.target, bare.target, target];
    if (options.only.includes('calls'))
      results.calls = await benchCalls(generator, targets, { ...options, title: 'Chat', kinds: CHAT_KINDS }, tell);
    if (options.only.includes('embeddings')) {
      const section = {
        ...options,
        title: 'Embeddings',
        kinds: ['embeddings'],
        seconds: options.embeddingSeconds,
      } as const;
      results.embeddings = await benchCalls(generator, targets, section, tell);
    }
    if (options.only.includes('reads')) {
      const section = { events: options.readEvents, calls: options.readCalls };
      results.reads = await benchReads(platform, target, section, tell);
    }
    if (options.only.includes('start')) results.start = await benchRestarts(platform, firstMs);
  } finally {
    await platform.stop();
    generator.close();
    bare.stop();
    upstream.stop();
  }
  return results;
}

async function benchEmbedded(directory: string, options: BenchOptions): Promise<Named> {
  const results: Results = {};
  if (options.only.includes('disk')) results.disk = benchDisk(directory);
  const needsPlatform = (['calls', 'embeddings', 'memory', 'reads', 'start'] as const).some((section) =>
    options.only.includes(section),
  );
  if (needsPlatform) Object.assign(results, await benchPlatform(directory, options));
  if (options.only.includes('ledger'))
    results.ledger = await benchLedger(join(directory, 'ledger-load'), options.ledgerEvents, tell);
  if (options.only.includes('hostile')) results.hostile = await benchHostile(join(directory, 'hostile'), tell);
  return results;
}

async function bench(options: BenchOptions): Promise<void> {
  const directory = mkdtempSync(join(options.dataParent ?? tmpdir(), 'aiaas-bench-'));
  let results: Named;
  try {
    if (options.mode === 'embedded') results = await benchEmbedded(directory, options);
    else results = await benchDistributed(join(directory, 'cluster'), options.distributed, tell);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} processors`;
  const sections = Object.values(results);
  const aims = sections.flatMap((section) => section.aims);
  process.stdout.write(`${machine}\n${sections.map(sectionText).join('')}${aims.length === 0 ? '' : aimsText(aims)}`);
  if (options.json !== undefined) {
    const figures = Object.fromEntries(Object.entries(results).map(([name, section]) => [name, section.figures]));
    writeFileSync(options.json, `${JSON.stringify({ machine, aims, figures }, null, 2)}\n`);
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else await bench(options);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
