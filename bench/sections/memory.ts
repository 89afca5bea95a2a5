import { setTimeout } from 'node:timers/promises';
import { fixed, type SectionResult } from '../figures';
import type { LoadGenerator } from '../load/load-generator';
import type { BenchOptions } from '../options';
import { type ProcessStats, processStats } from '../support/process-stats';
import type { Platform } from '../targets/platform';
import { bodyFor, type Target } from '../targets/target';

const CONNECTIONS = 32;
const SETTLE_MS = 3_000;
const EARLY_SECONDS = 10;
const RSS_IDLE_MIB_MAX = 200;
/** Garbage collection makes memory breathe; growth beyond this over the minute would be a leak. */
const GROWTH_MAX = 0.15;

interface EventLoop {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How late the platform's event loop was since it last was asked. */
async function eventLoopOf(url: string): Promise<EventLoop | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const ms = (name: string): number =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds ([0-9.e+-]+)$`, 'm').exec(text)?.[1]) * 1_000;
  const lag = { meanMs: ms('mean'), p99Ms: ms('p99'), maxMs: ms('max') };
  return Number.isNaN(lag.meanMs) ? undefined : lag;
}

function row(when: string, stats: ProcessStats | undefined): string[] {
  return [when, fixed(stats?.rssMiB, 0), fixed(stats?.ownMiB, 0)];
}

export async function benchMemory(
  generator: LoadGenerator,
  platform: Platform,
  target: Target,
  { memorySeconds }: BenchOptions,
): Promise<SectionResult> {
  await setTimeout(SETTLE_MS);
  const idle = processStats(platform.pid);
  await eventLoopOf(platform.url);
  const samples: ProcessStats[] = [];
  const sampler = setInterval(() => {
    const stats = processStats(platform.pid);
    if (stats !== undefined) samples.push(stats);
  }, 1_000);
  const load = await generator.run({
    destinations: [{ name: target.name, port: target.port }],
    path: '/v1/chat/completions',
    headers: [target.headers],
    body: bodyFor(target.model, 'unstreamed'),
    connections: CONNECTIONS,
    warmUpMs: 0,
    measureMs: memorySeconds * 1_000,
  });
  clearInterval(sampler);
  const loop = await eventLoopOf(platform.url);
  // A single sample may meet the heap just before or after a collection: the least of a few neighbours is what stays.
  const least = (around: number): ProcessStats | undefined =>
    samples.slice(Math.max(0, around - 3), around + 2).sort((a, b) => a.ownMiB - b.ownMiB)[0];
  const early = least(EARLY_SECONDS);
  const late = least(samples.length - 2);
  const growth = early === undefined || late === undefined ? undefined : late.ownMiB / early.ownMiB - 1;
  return {
    title: `Memory of the platform, ${CONNECTIONS} connections, unstreamed, ${memorySeconds} s (${load.answers} calls, ${load.failures} failed)`,
    columns: ['when', 'RSS MiB', 'without mapped files'],
    rows: [row('idle', idle), row(`after ${EARLY_SECONDS} s`, early), row(`after ${memorySeconds} s`, late)],
    notes:
      loop === undefined
        ? []
        : [
            `Event loop under load: mean ${fixed(loop.meanMs)} ms, p99 ${fixed(loop.p99Ms)} ms, max ${fixed(loop.maxMs)} ms (its clock ticks every 10 ms).`,
          ],
    aims: [
      {
        what: 'RSS idle',
        aim: `≤ ${RSS_IDLE_MIB_MAX} MiB`,
        measured: `${fixed(idle?.rssMiB, 0)} MiB`,
        isMet: idle === undefined ? undefined : idle.rssMiB <= RSS_IDLE_MIB_MAX,
      },
      {
        what: `flat memory, ${EARLY_SECONDS} s to ${memorySeconds} s of load, mapped files aside`,
        aim: `≤ +${GROWTH_MAX * 100} %`,
        measured: growth === undefined ? '–' : `${fixed(growth * 100, 0)} %`,
        isMet: growth === undefined ? undefined : growth <= GROWTH_MAX,
      },
    ],
    figures: { idle, early, late, samples, load, loop },
  };
}
