import { fixed, type SectionResult } from '../../figures';
import { median } from '../../support/statistics';
import { type CallKind, CHAT_KINDS } from '../../targets/target';
import { type ClusterRun, runCluster, type World } from './cluster-run';

/** Longer than a gateway waits for one that won against it before, and stands still by now. */
const WARM_UP_MS = 4_000;

/** One organization, whose ledger is one stream that all gateways write, or many of them. */
export const LOADS = ['hot', 'spread'] as const;
export type Load = (typeof LOADS)[number];

export interface CasesOptions {
  /** How many gateways at a time, each in turn with the others. */
  readonly gateways: readonly number[];
  readonly connections: readonly number[];
  readonly rounds: number;
  /** Of each run. */
  readonly seconds: number;
}

interface Case {
  readonly load: Load;
  readonly kind: CallKind;
  readonly connections: number;
}

/** All rounds of one case, by the number of gateways. */
export interface Cell extends Case {
  readonly runs: ReadonlyMap<number, readonly ClusterRun[]>;
}

function casesOf({ connections }: CasesOptions): readonly Case[] {
  return LOADS.flatMap((load) =>
    CHAT_KINDS.flatMap((kind) => connections.map((many) => ({ load, kind, connections: many }))),
  );
}

async function measure(world: World, one: Case, gateways: number, seconds: number): Promise<ClusterRun> {
  return runCluster(world, {
    gateways: world.gateways.all.slice(0, gateways),
    customers: one.load === 'hot' ? world.customers.slice(0, 1) : world.customers,
    kind: one.kind,
    connections: one.connections,
    warmUpMs: WARM_UP_MS,
    measureMs: seconds * 1_000,
  });
}

/** Every number of gateways in turn, round after round, so that a change of the machine meets all of them alike. */
export async function measureCases(
  world: World,
  options: CasesOptions,
  tell: (progress: string) => void,
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const one of casesOf(options)) {
    const runs = new Map<number, ClusterRun[]>(options.gateways.map((many) => [many, []]));
    for (let round = 0; round < options.rounds; round += 1)
      for (const [gateways, its] of runs) {
        const run = await measure(world, one, gateways, options.seconds);
        its.push(run);
        const failures = run.firstFailure === undefined ? '' : `, failures: ${run.failures}, ${run.firstFailure}`;
        tell(`${titleOf(one)}, ${gateways} gateways: ${fixed(run.perSecond, 0)}/s${failures}`);
      }
    cells.push({ ...one, runs });
  }
  return cells;
}

function titleOf({ load, kind, connections }: Case): string {
  return `${load}, ${kind}, ${connections}`;
}

function middle(runs: readonly ClusterRun[], pick: (run: ClusterRun) => number | undefined): number {
  return median(runs.map((run) => pick(run) ?? Number.NaN));
}

/** The middle of each round's own ratio: the machine is the same for both sides of a round. */
export function ratioOf(over: readonly ClusterRun[], under: readonly ClusterRun[] | undefined): number {
  return median(over.map((run, round) => run.perSecond / (under?.[round]?.perSecond ?? Number.NaN)));
}

/** Per thousand answers. */
function perThousand(many: number, { answersWithWarmUp }: ClusterRun): number {
  return (many * 1_000) / answersWithWarmUp;
}

function rowOf(cell: Cell, gateways: number, runs: readonly ClusterRun[], fewest: number): string[] {
  const sum = (pick: (run: ClusterRun) => number): string => String(runs.reduce((total, run) => total + pick(run), 0));
  const under = gateways === fewest ? undefined : cell.runs.get(fewest);
  return [
    titleOf(cell),
    String(gateways),
    ...[middle(runs, ({ perSecond }) => perSecond)].map((value) => fixed(value, 0)),
    ...[middle(runs, ({ p50Ms }) => p50Ms), middle(runs, ({ p99Ms }) => p99Ms)].map((value) => fixed(value)),
    fixed(
      middle(runs, ({ cpuMicros }) => cpuMicros),
      0,
    ),
    fixed(under === undefined ? undefined : ratioOf(runs, under), 2),
    fixed(middle(runs, (run) => perThousand(run.contentions['round-lost'].batches, run))),
    fixed(middle(runs, (run) => perThousand(run.contentions.forwarded.commands, run))),
    sum((run) => run.contentions['forward-in-doubt'].commands),
    sum(({ failures }) => failures),
    fixed(
      middle(runs, ({ logBytes }) => logBytes),
      0,
    ),
  ];
}

/** What conflicts cost: by how much less more gateways gain where they share one ledger than where they hardly do. */
function contentionNotes(cells: readonly Cell[], fewest: number, most: number): string[] {
  return cells.flatMap((hot) => {
    if (hot.load !== 'hot') return [];
    const spread = cells.find(
      (one) => one.load === 'spread' && one.kind === hot.kind && one.connections === hot.connections,
    );
    const runs = (cell: Cell | undefined, gateways: number): readonly ClusterRun[] => cell?.runs.get(gateways) ?? [];
    const hotToSpread = (gateways: number): string => fixed(ratioOf(runs(hot, gateways), runs(spread, gateways)), 2);
    const gains = [hot, spread].map((cell) => ratioOf(runs(cell, most), runs(cell, fewest)));
    const [hotGain = Number.NaN, spreadGain = Number.NaN] = gains;
    return [
      `${hot.kind}, ${hot.connections}: hot ÷ spread ${hotToSpread(fewest)} over ${fewest}, ${hotToSpread(most)} over ${most}; ${most} ÷ ${fewest} gateways: hot ${fixed(hotGain, 2)}, spread ${fixed(spreadGain, 2)}, so conflicts leave ${fixed(hotGain / spreadGain, 2)}`,
    ];
  });
}

export function casesSection(
  cells: readonly Cell[],
  { gateways }: CasesOptions,
  organizations: number,
  store: string,
): SectionResult {
  const [fewest, most] = [Math.min(...gateways), Math.max(...gateways)];
  return {
    title: `Gateways on one record, on ${store}; hot: one organization, spread: ${organizations}`,
    columns: [
      'load, kind, connections',
      'gateways',
      'calls/s',
      'p50 ms',
      'p99 ms',
      'CPU µs/call',
      `÷ ${fewest}`,
      'lost rounds/1000',
      'forwarded/1000',
      'in doubt',
      'failed',
      'log B/call',
    ],
    rows: cells.flatMap((cell) => [...cell.runs].map(([many, runs]) => rowOf(cell, many, runs, fewest))),
    notes: [
      'Middle of the rounds; ratios are the middle of each round\'s own; "/1000" is per thousand calls, of which each has two commands; CPU is that of all gateways together, without the store.',
      ...(fewest === most ? [] : contentionNotes(cells, fewest, most)),
    ],
    aims: [],
    figures: cells.map(({ runs, ...one }) => ({ ...one, runs: Object.fromEntries(runs) })),
  };
}
