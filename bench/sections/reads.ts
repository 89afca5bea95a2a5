import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { epochMs, formatInstant } from '#kernel';
import { USAGE_VIEW } from '#projections/usage';
import { SqliteReadStore } from '#read-store/sqlite';
import { type Aim, fixed, type SectionResult } from '../figures';
import { buildLedger } from '../ledger-load/build';
import { quantile } from '../load/latencies';
import { PacedCalls, type PacedResult } from '../load/paced-calls';
import { type Question, questionsOf } from '../read-side-load/questions';
import { nth, projectIds } from '../read-side-load/synthetic-record';
import { writeYear } from '../read-side-load/synthetic-year';
import { type LoopDelay, LoopWatch } from '../support/loop-delay';
import { watchMachine } from '../support/process-stats';
import type { Platform } from '../targets/platform';
import type { Target } from '../targets/target';

const DAY_MS = 86_400_000;
const DAYS = 365;
const SLOTS = 24;
/** A light load: what is asked is whether calls go on as if nothing were read. */
const CALLS_PER_SECOND = 20;
const SETTLE_MS = 5_000;
const LOOP_P99_MS_MAX = 10;
const QUESTION_ROUNDS = 20;
const FOLD_MS_MAX = 1_800_000;

export interface ReadsSection {
  readonly events: number;
  readonly calls: number;
}

/** What the main thread and the callers felt during one thing that the read side did. */
interface Phase {
  readonly what: string;
  readonly seconds: number;
  readonly loop: LoopDelay;
  readonly light: PacedResult;
  readonly machineBusy: number | undefined;
}

interface Asked {
  readonly question: Question;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

type Ask = (path: string) => Promise<{ readonly status: number; readonly body: Buffer }>;

function asking(platform: Platform): Ask {
  const { systemToken } = platform.firstRun;
  return async (path) => {
    const answer = await fetch(`${platform.url}/analytics/v1/${path}`, {
      headers: { authorization: `Bearer ${systemToken}` },
    });
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  };
}

async function watched(
  what: string,
  platform: Platform,
  watch: LoopWatch,
  target: Target,
  work: () => Promise<unknown>,
): Promise<Phase> {
  const calls = new PacedCalls({ ...target, port: Number(new URL(platform.url).port) }, CALLS_PER_SECOND);
  const busySince = watchMachine();
  await watch.since(platform.pid);
  const startedMs = performance.now();
  await work();
  const loop = await watch.since(platform.pid);
  const seconds = (performance.now() - startedMs) / 1_000;
  return { what, seconds, loop, light: await calls.stop(), machineBusy: busySince() };
}

/** Until no view is being built. */
async function built(platform: Platform): Promise<void> {
  const ask = asking(platform);
  for (const untilMs = performance.now() + FOLD_MS_MAX; performance.now() < untilMs; await setTimeout(250)) {
    const { status, body } = await ask('views');
    if (status !== 200) throw new Error(`the state of the views was answered with ${status}: ${body.toString()}`);
    const { rebuilds } = JSON.parse(body.toString()) as { rebuilds: readonly { status: string; error?: string }[] };
    const last = rebuilds.at(-1);
    if (last?.status === 'failed') throw new Error(`the views could not be built: ${last.error}`);
    if (last?.status === 'switched') return;
  }
  throw new Error('the views were not built in time');
}

async function questioned(platform: Platform, questions: readonly Question[]): Promise<readonly Asked[]> {
  const ask = asking(platform);
  const times = new Map<Question, number[]>(questions.map((question) => [question, []]));
  const bytes = new Map<Question, number>();
  for (let round = 0; round < QUESTION_ROUNDS; round += 1)
    for (const question of questions) {
      const startedMs = performance.now();
      const { status, body } = await ask(`organizations/bench/${question.path}`);
      times.get(question)?.push(performance.now() - startedMs);
      if (status !== 200) throw new Error(`${question.title}: ${body.toString()}`);
      bytes.set(question, body.length);
    }
  return questions.map((question) => {
    const sorted = (times.get(question) ?? []).sort((left, right) => left - right);
    return { question, bytes: bytes.get(question) ?? 0, p50Ms: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
  });
}

/** Puts a year of the bench's own organization into the views of a platform that does not run. */
async function addYear(platform: Platform, orgId: Target['orgId'], calls: number) {
  const since = epochMs(Math.floor(Date.now() / DAY_MS) * DAY_MS - DAYS * DAY_MS);
  const store = SqliteReadStore.open(join(platform.dataDir, 'read', 'views.sqlite'));
  try {
    const usage = (await store.generations()).find(({ view, status }) => view === USAGE_VIEW && status === 'live');
    if (usage?.checkpoint === undefined || orgId === undefined) throw new Error('the platform has no view of usage');
    await writeYear(store, usage, usage.checkpoint, { orgId, since, days: DAYS, slots: SLOTS, calls });
  } finally {
    await store.close();
  }
  const day = (at: number) => formatInstant(epochMs(at)).slice(0, 10);
  return questionsOf(day(since), day(since + DAYS * DAY_MS), nth(projectIds, 0));
}

function phaseRow({ what, seconds, loop, light, machineBusy }: Phase): string[] {
  return [
    what,
    fixed(seconds, 0),
    ...[loop.p50Ms, loop.p99Ms, loop.p999Ms, loop.maxMs].map((ms) => fixed(ms)),
    ...[light.p50Ms, light.p99Ms].map((ms) => fixed(ms)),
    String(light.failures),
    machineBusy === undefined ? '–' : `${fixed(machineBusy * 100, 0)} %`,
  ];
}

function aimsOf(phases: readonly Phase[], asked: readonly Asked[]): Aim[] {
  return [
    ...phases.map(({ what, loop }) => ({
      what: `main loop's delay at p99 while ${what}`,
      aim: `< ${LOOP_P99_MS_MAX} ms`,
      measured: `${fixed(loop.p99Ms)} ms`,
      isMet: loop.p99Ms < LOOP_P99_MS_MAX,
    })),
    ...asked.map(({ question, p95Ms }) => ({
      what: `${question.title}, a year over HTTP, p95`,
      aim: `≤ ${question.p95MsMax} ms`,
      measured: `${fixed(p95Ms, 0)} ms`,
      isMet: p95Ms <= question.p95MsMax,
    })),
  ];
}

/** Reads that must not slow calls: the views are built from a long record, then asked about a year. */
export async function benchReads(
  platform: Platform,
  target: Target,
  { events, calls }: ReadsSection,
  tell: (progress: string) => void,
): Promise<SectionResult> {
  const watch = new LoopWatch(platform.dataDir);
  await platform.stop();
  tell(`making ${events} events`);
  const made = await buildLedger(join(platform.dataDir, 'events'), events);
  tell(`made in ${fixed(made.seconds, 0)} s`);
  rmSync(join(platform.dataDir, 'read'), { recursive: true });
  const startMs = await platform.start(watch.env);
  tell(`started in ${fixed(startMs / 1_000)} s; folding`);
  const folding = await watched(`${events} events fold`, platform, watch, target, () => built(platform));

  await platform.stop();
  tell(`making a year of ${calls} calls`);
  const questions = await addYear(platform, target.orgId, calls);
  await platform.start(watch.env);
  const quiet = await watched('nothing is read', platform, watch, target, () => setTimeout(SETTLE_MS * 2));
  tell('asking');
  const asked: Asked[] = [];
  const asks = await watched(`a year of ${calls} calls is queried`, platform, watch, target, async () => {
    asked.push(...(await questioned(platform, questions)));
  });
  const phases = [quiet, folding, asks];
  return {
    title: `Reads beside ${CALLS_PER_SECOND} calls/s`,
    columns: ['while', 's', 'loop p50 ms', 'p99', 'p99.9', 'max', 'call p50 ms', 'p99', 'failed', 'machine'],
    rows: phases.map(phaseRow),
    notes: [
      `Folded ${fixed(events / folding.seconds, 0)} events/s; ready ${fixed(startMs / 1_000)} s after its start, before anything was folded.`,
      ...asked.map(
        ({ question, bytes, p50Ms, p95Ms }) =>
          `${question.title}: p50 ${fixed(p50Ms, 0)} ms, p95 ${fixed(p95Ms, 0)} ms, ${fixed(bytes / 1_000, 0)} kB`,
      ),
    ],
    aims: aimsOf([folding, asks], asked),
    figures: { startMs, phases, asked },
  };
}
