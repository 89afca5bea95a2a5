import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openLmdbEventStore } from '#event-store/lmdb';
import { composeEventId, type EpochMs, epochMs } from '#kernel';
import { callsProjection } from '#projections/calls';
import { type UsageRangeParams, usageProjection } from '#projections/usage';
import { ReadSide } from '#read-side';
import { SqliteReadStore } from '#read-store/sqlite';
import { SupervisedWorker } from '../libs/read-side/supervised-worker';
import { AT_ONCE, appendCalls, keyIds, orgId, projectIds, SINCE, serialBytes } from './read-side-load/synthetic-record';
import { writeYear } from './read-side-load/synthetic-year';

/**
 * Measures the read side: how fast events are folded, how fast questions about a year are answered, how soon a write is
 * visible, and how little of all that the main thread feels.
 */
const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    days: { type: 'string', default: '365' },
    slots: { type: 'string', default: '24' },
    calls: { type: 'string', default: '5000000' },
    queries: { type: 'string', default: '20' },
    rate: { type: 'string', default: '4000' },
  },
});
const EVENTS = Number(flags.events);
const DAYS = Number(flags.days);
const DAY_MS = 86_400_000;

function line(name: string, figure: string): void {
  process.stdout.write(`${name.padEnd(62)} ${figure}\n`);
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function lineOfTimes(name: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(sorted, share).toFixed(1));
  line(name, `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms (${sorted.length})`);
}

/** Runs work and tells what this thread's event loop felt of it. */
async function watchingLoop<T>(name: string, work: () => Promise<T>): Promise<T> {
  // One warm-up turn, so that what this thread did before is not counted.
  await nextTurn();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const result = await work();
  delay.disable();
  const ms = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1);
  line(
    `  event-loop delay of the main thread while ${name}`,
    `p50 ${ms(delay.percentile(50))} ms, p99 ${ms(delay.percentile(99))} ms, max ${ms(delay.max)} ms`,
  );
  return result;
}

function year(params: Partial<UsageRangeParams>): UsageRangeParams {
  const [from, to]: EpochMs[] = [SINCE, epochMs(SINCE + DAYS * DAY_MS)];
  if (from === undefined || to === undefined) throw new Error('a year has two ends');
  return { orgId, from, to, granularity: 'month', ...params };
}

const QUESTIONS: readonly { readonly title: string; readonly name: string; readonly params: object }[] = [
  { title: 'usage of a year by month and model', name: 'usageReport', params: year({ groupBy: ['model'] }) },
  {
    title: 'the same in Asia/Kolkata',
    name: 'usageReport',
    params: year({ groupBy: ['model'], timeZone: 'Asia/Kolkata' }),
  },
  {
    title: 'usage of a year by day, key and model',
    name: 'usageReport',
    params: year({ granularity: 'day', groupBy: ['api-key', 'model'] }),
  },
  {
    title: 'usage of a year by day in Europe/Berlin',
    name: 'usageReport',
    params: year({ granularity: 'day', timeZone: 'Europe/Berlin' }),
  },
  {
    title: 'usage of a year by day in Asia/Kolkata',
    name: 'usageReport',
    params: year({ granularity: 'day', timeZone: 'Asia/Kolkata' }),
  },
  { title: 'usage of a year by hour', name: 'usageReport', params: year({ granularity: 'hour' }) },
  {
    title: 'the same in Asia/Kolkata',
    name: 'usageReport',
    params: year({ granularity: 'hour', timeZone: 'Asia/Kolkata' }),
  },
  {
    title: 'usage of a year by hour, one project',
    name: 'usageReport',
    params: year({ granularity: 'hour', where: { project: projectIds.slice(0, 1) } }),
  },
  { title: 'latency of a year by month and model', name: 'latencyReport', params: year({ groupBy: ['model'] }) },
  { title: 'latency of a year by day', name: 'latencyReport', params: year({ granularity: 'day' }) },
  { title: 'errors of a year by month', name: 'errorsReport', params: year({}) },
];

async function benchYear(folder: string): Promise<void> {
  const path = join(folder, 'year.sqlite');
  const store = SqliteReadStore.open(path);
  const calls = await store.createGeneration(callsProjection.view);
  const usage = await store.createGeneration(usageProjection.view);
  const checkpoint = { position: 1n, eventId: composeEventId(SINCE, serialBytes(1)), at: SINCE };
  const size = { days: DAYS, slots: Number(flags.slots), calls: Number(flags.calls) };
  const rows = await writeYear(store, usage, checkpoint, { orgId, since: SINCE, ...size });
  await store.switchTo([calls, usage]);
  await store.close();
  line(
    `A year: ${flags.calls} calls, ${flags.slots} slots`,
    `${rows} rows, ${Math.round(statSync(path).size / 1e6)} MB`,
  );
  const worker = new SupervisedWorker({
    role: { role: 'query', path },
    onMessage: () => undefined,
    onCrash: (message) => line('crash', message),
  });
  await worker.open();
  const all: number[] = [];
  await watchingLoop('questions about the year are answered', async () => {
    for (const { title, name, params } of QUESTIONS) {
      const times: number[] = [];
      for (let i = 0; i < Number(flags.queries); i += 1) {
        const started = performance.now();
        await worker.ask({ type: 'query-json', name, params, names: {} });
        times.push(performance.now() - started);
      }
      all.push(...times);
      lineOfTimes(`  ${title}`, times);
    }
  });
  lineOfTimes('  all questions', all);
  await worker.close();
}

async function benchFold(folder: string): Promise<void> {
  const eventStoreDir = join(folder, 'events');
  const store = openLmdbEventStore({ directory: eventStoreDir });
  let started = performance.now();
  const last = await appendCalls(store, { ...AT_ONCE, eventsMax: EVENTS, spanMs: DAY_MS });
  line(`A record of ${last} events`, `appended in ${((performance.now() - started) / 1_000).toFixed(1)} s`);

  const queries: number[] = [];
  const folding = { done: false };
  started = performance.now();
  const readSide = await watchingLoop('they are folded (first build) and queries run', async () => {
    const opened = await ReadSide.open({
      dataDir: folder,
      record: { kind: 'lmdb', directory: eventStoreDir },
      execution: 'threads',
    });
    const asking = (async () => {
      while (!folding.done) {
        const asked = performance.now();
        // Refused until the first build is complete.
        await opened
          .query('watermark', {})
          .then(() => queries.push(performance.now() - asked))
          .catch(() => nextTurn());
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    opened.poke(last);
    while (!(await opened.waitFor(last))) opened.poke(last);
    folding.done = true;
    await asking;
    return opened;
  });
  const seconds = (performance.now() - started) / 1_000;
  line('  folded into four views', `${Math.round(Number(last) / seconds)} events/s (${seconds.toFixed(1)} s)`);
  line('  views on disk', `${Math.round(statSync(join(folder, 'read', 'views.sqlite')).size / 1e6)} MB`);

  const searches: number[] = [];
  for (let i = 0; i < Number(flags.queries); i += 1) {
    const asked = performance.now();
    const where = i % 2 === 0 ? {} : { apiKey: [keyIds[i % keyIds.length] ?? ''], model: ['maker/large'] };
    await readSide.query('callsSearch', { orgId, limit: 100, where });
    searches.push(performance.now() - asked);
  }
  lineOfTimes('  search of calls, first page of 100', searches);

  await benchFreshness(readSide, store);
  await benchRebuild(readSide);
  await readSide.close();
  await store.close();
}

/** From an append's answer until the views hold it. */
async function benchFreshness(readSide: ReadSide, store: ReturnType<typeof openLmdbEventStore>): Promise<void> {
  const waits: number[] = [];
  let pending: Promise<void> = Promise.resolve();
  await watchingLoop('events are appended and folded', async () => {
    const batchEvents = 50;
    const onAppended = (position: bigint) => {
      const appended = performance.now();
      readSide.poke(position);
      const before = pending;
      const waited = readSide.waitFor(position).then((reached) => {
        waits.push(reached ? performance.now() - appended : Number.POSITIVE_INFINITY);
      });
      pending = before.then(() => waited);
    };
    const paceMs = (batchEvents / Number(flags.rate)) * 1_000;
    const eventsMax = Number(flags.rate) * 10;
    await appendCalls(store, { eventsMax, spanMs: 60_000, batchEvents, paceMs, onAppended });
    await pending;
  });
  lineOfTimes(`  freshness: append's answer to visible, ${flags.rate} events/s`, waits);
}

async function benchRebuild(readSide: ReadSide): Promise<void> {
  await watchingLoop('usage is rebuilt, compared and switched', async () => {
    const before = readSide.progress().length;
    await readSide.rebuild('usage');
    while (readSide.progress().length === before || !/switched|failed/.test(readSide.progress().at(-1)?.status ?? ''))
      await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const { status, eventsPerSecond, differentDocuments } = readSide.progress().at(-1) ?? {};
  line('  rebuild of usage', `${status}, ${eventsPerSecond} events/s, ${differentDocuments} documents differ`);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(process.env.AIAAS_BENCH_DIR ?? tmpdir(), 'read-side-bench-'));
  try {
    await benchFold(folder);
    await benchYear(folder);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }
}

void main();
