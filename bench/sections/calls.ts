import { type Aim, fixed, type SectionResult } from '../figures';
import type { LoadResult } from '../load/job';
import type { LoadGenerator } from '../load/load-generator';
import { processStats, watchMachine } from '../support/process-stats';
import { median, spread } from '../support/statistics';
import { bodyFor, CALL_PATHS, type CallKind, CHAT_KINDS, type Target } from '../targets/target';

const WARM_UP_MS = 500;
/** Before anything is measured: a server runs for weeks, and its code is compiled after its first thousands of calls. */
const COMPILE_SECONDS = 6;
const COMPILE_CONNECTIONS = 32;
const THROUGHPUT_RATIO_MIN = 0.5;
const ADDED_MS_MAX = 1.5;

export interface CallsSection {
  readonly title: string;
  readonly kinds: readonly CallKind[];
  /** How often each target is measured, in turn with the others. */
  readonly rounds: number;
  readonly connections: readonly number[];
  /** Of each run. */
  readonly seconds: number;
}

interface Run extends LoadResult {
  /** Processor time of the target's process per answer. */
  readonly cpuMicros: number | undefined;
  readonly machineBusy: number | undefined;
}

interface Cell {
  readonly kind: CallKind;
  readonly connections: number;
  readonly target: Target['name'];
  readonly runs: readonly Run[];
}

async function measure(
  generator: LoadGenerator,
  target: Target,
  kind: CallKind,
  connections: number,
  seconds: number,
): Promise<Run> {
  const before = target.pid === undefined ? undefined : processStats(target.pid);
  const busySince = watchMachine();
  const result = await generator.run({
    destinations: [{ name: target.name, port: target.port }],
    path: CALL_PATHS[kind],
    headers: [target.headers],
    body: bodyFor(target.model, kind),
    connections,
    warmUpMs: WARM_UP_MS,
    measureMs: seconds * 1_000,
  });
  const after = target.pid === undefined ? undefined : processStats(target.pid);
  const cpuMs = before === undefined || after === undefined ? undefined : after.cpuMs - before.cpuMs;
  return {
    ...result,
    cpuMicros: cpuMs === undefined ? undefined : (cpuMs * 1_000) / result.answersWithWarmUp,
    machineBusy: busySince(),
  };
}

function middle(runs: readonly Run[], pick: (run: Run) => number | undefined): number {
  return median(runs.map((run) => pick(run) ?? Number.NaN));
}

function rowOf({ kind, connections, target, runs }: Cell, ratio: number | undefined): string[] {
  return [
    `${kind}, ${connections}`,
    target,
    fixed(
      middle(runs, ({ perSecond }) => perSecond),
      0,
    ),
    fixed(
      middle(runs, ({ p50Ms }) => p50Ms),
      2,
    ),
    fixed(
      middle(runs, ({ p99Ms }) => p99Ms),
      2,
    ),
    fixed(
      middle(runs, ({ cpuMicros }) => cpuMicros),
      0,
    ),
    fixed(ratio, 2),
    `${fixed(spread(runs.map(({ perSecond }) => perSecond)) * 100, 0)} %`,
    String(runs.reduce((sum, { failures }) => sum + failures, 0)),
  ];
}

/** The middle of each round's own ratio: the machine is the same for both sides of a round. */
function ratioOf(platform: readonly Run[], bare: readonly Run[], pick: (run: Run) => number): number {
  return median(platform.map((run, round) => pick(run) / (bare[round] === undefined ? Number.NaN : pick(bare[round]))));
}

function differenceOf(platform: readonly Run[], bare: readonly Run[]): number {
  return median(platform.map((run, round) => run.p50Ms - (bare[round]?.p50Ms ?? Number.NaN)));
}

function aimsOf(cells: readonly Cell[]): Aim[] {
  const runs = (kind: CallKind, connections: number, target: Target['name']): readonly Run[] =>
    cells.find((cell) => cell.kind === kind && cell.connections === connections && cell.target === target)?.runs ?? [];
  return CHAT_KINDS.flatMap((kind) => {
    const ratio = ratioOf(runs(kind, 32, 'platform'), runs(kind, 32, 'bare proxy'), ({ perSecond }) => perSecond);
    const added = differenceOf(runs(kind, 1, 'platform'), runs(kind, 1, 'bare proxy'));
    const aims: Aim[] = [];
    if (!Number.isNaN(ratio))
      aims.push({
        what: `throughput at 32 connections, ${kind}, of the bare proxy's`,
        aim: `≥ ${THROUGHPUT_RATIO_MIN}`,
        measured: fixed(ratio, 2),
        isMet: ratio >= THROUGHPUT_RATIO_MIN,
      });
    if (!Number.isNaN(added))
      aims.push({
        what: `added at p50 with one caller, ${kind}`,
        aim: `≤ ${ADDED_MS_MAX} ms`,
        measured: `${fixed(added, 2)} ms`,
        isMet: added <= ADDED_MS_MAX,
      });
    return aims;
  });
}

/** Every target in turn, round after round, so that a change of the machine meets all of them alike. */
export async function benchCalls(
  generator: LoadGenerator,
  targets: readonly Target[],
  { title, kinds, rounds, connections, seconds }: CallsSection,
  tell: (progress: string) => void,
): Promise<SectionResult> {
  const cells: Cell[] = [];
  tell('warming up');
  for (const kind of kinds)
    for (const target of targets) await measure(generator, target, kind, COMPILE_CONNECTIONS, COMPILE_SECONDS);
  for (const kind of kinds)
    for (const many of connections) {
      const runs = new Map<Target, Run[]>(targets.map((target) => [target, []]));
      for (let round = 0; round < rounds; round += 1)
        for (const target of targets) {
          const run = await measure(generator, target, kind, many, seconds);
          runs.get(target)?.push(run);
          tell(
            `${kind}, ${many}, ${target.name}: ${fixed(run.perSecond, 0)}/s${run.firstFailure === undefined ? '' : `, failures: ${run.firstFailure}`}`,
          );
        }
      for (const [target, its] of runs) cells.push({ kind, connections: many, target: target.name, runs: its });
    }
  const bareOf = (cell: Cell): readonly Run[] =>
    cells.find((one) => one.kind === cell.kind && one.connections === cell.connections && one.target === 'bare proxy')
      ?.runs ?? [];
  return {
    title,
    columns: [
      'kind, connections',
      'target',
      'calls/s',
      'p50 ms',
      'p99 ms',
      'CPU µs/call',
      '× bare',
      'spread',
      'failed',
    ],
    rows: cells.map((cell) =>
      rowOf(
        cell,
        cell.target === 'platform' ? ratioOf(cell.runs, bareOf(cell), ({ perSecond }) => perSecond) : undefined,
      ),
    ),
    notes: [
      'Middle of the rounds; "× bare" is the middle of each round\'s own ratio; "spread" is (most − least) ÷ middle of calls/s.',
    ],
    aims: aimsOf(cells),
    figures: cells,
  };
}
