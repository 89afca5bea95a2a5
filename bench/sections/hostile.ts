import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { openDescriptors, peakMemoryMiB } from '#testing/raw-http';
import { type Aim, fixed, type SectionResult } from '../figures';
import type { Attackers } from '../hostile/attacks';
import type { HostileMessage } from '../hostile/main';
import { quantile } from '../load/latencies';
import { forkReady } from '../support/child';
import { type LoopDelay, LoopWatch } from '../support/loop-delay';
import { benchModel, makeCustomer, makeModels } from '../targets/customers';
import { Platform } from '../targets/platform';
import { bodyFor } from '../targets/target';
import { startUpstream } from '../targets/upstream';

/** What the container of docker/compose leaves for the heap. */
const HEAP_MIB = 640;
const WARM_UP_CALLS = 100;
const CALLS = 400;
/** A gentle pace: calls begin when they are due, whatever became of those before. */
const EVERY_MS = 50;
const CALL_MS_MAX = 30_000;
/** Attacks are under way for this long before calls are measured. */
const LEAD_MS = 2_000;
/** Within it the descriptors of whoever has left are closed, idle connections to the upstream among them. */
const SETTLE_MS_MAX = 90_000;
const SETTLE_POLL_MS = 500;
const RATIO_MAX = 10;
/** Connections to the upstream, files of views. */
const DESCRIPTORS_SLACK = 20;

interface CallFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly failures: number;
  readonly loop: LoopDelay;
}

interface Neighbour {
  readonly url: string;
  /** Its connections are its own, so that they can be closed before descriptors are counted. */
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

async function callMs({ url, agent, headers }: Neighbour, dueMs: number): Promise<number | undefined> {
  try {
    const { statusCode, body } = await request(`${url}/v1/chat/completions`, {
      method: 'POST',
      dispatcher: agent,
      headers,
      body: bodyFor(benchModel, 'unstreamed'),
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    await body.arrayBuffer();
    return statusCode === 200 ? performance.now() - dueMs : undefined;
  } catch {
    return undefined;
  }
}

/** Latencies from when each call was due, so that a stall is felt by all that fell into it. */
async function callsOf(neighbour: Neighbour, calls: number): Promise<readonly (number | undefined)[]> {
  const startMs = performance.now();
  const under: Promise<number | undefined>[] = [];
  for (let index = 0; index < calls; index += 1) {
    const dueMs = startMs + index * EVERY_MS;
    await sleep(Math.max(0, dueMs - performance.now()));
    under.push(callMs(neighbour, dueMs));
  }
  return Promise.all(under);
}

/** How many descriptors are open once it is quiet again, or when patience ends. */
async function settled(pid: number, before: number | undefined): Promise<number | undefined> {
  const endMs = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const open = openDescriptors(pid);
    if (open === undefined || before === undefined || open <= before + DESCRIPTORS_SLACK) return open;
    if (performance.now() > endMs) return open;
    await sleep(SETTLE_POLL_MS);
  }
}

async function measure(neighbour: Neighbour, watch: LoopWatch, pid: number): Promise<CallFigures> {
  await watch.since(pid);
  const answers = await callsOf(neighbour, CALLS);
  const ascending = answers.filter((ms) => ms !== undefined).sort((a, b) => a - b);
  return {
    p50Ms: quantile(ascending, 0.5),
    p99Ms: quantile(ascending, 0.99),
    maxMs: quantile(ascending, 1),
    failures: CALLS - ascending.length,
    loop: await watch.since(pid),
  };
}

/** An organization of the attackers' own, with the limits that every key has; one of its keys may do nothing. */
async function makeAttackers(platform: Platform): Promise<Attackers> {
  const { admin } = platform;
  const org = await admin.createOrganization('Attackers', 'attackers');
  const project = await admin.createProject(org, 'attack');
  await admin.createBudget(org, '1000');
  const inference = await admin.createKey(org, project);
  const readOnly = await admin.createKey(org, project, { scopes: ['usage:read'] });
  const limited = await admin.createKey(org, project);
  await admin.setKeyLimits(org, limited.id, { requestsPerMinute: 0 });
  return {
    port: Number(new URL(platform.url).port),
    model: benchModel('unstreamed'),
    inference: inference.secret,
    readOnly: readOnly.secret,
    limitedToNothing: limited.secret,
  };
}

async function endOf(child: ChildProcess): Promise<Exclude<HostileMessage, 'ready'>> {
  const told = once(child, 'message');
  child.send('end');
  const [counts] = (await told) as [Exclude<HostileMessage, 'ready'>];
  return counts;
}

function row(when: string, { p50Ms, p99Ms, maxMs, failures, loop }: CallFigures): string[] {
  return [when, fixed(p50Ms), fixed(p99Ms), fixed(maxMs), String(failures), fixed(loop.p99Ms), fixed(loop.maxMs)];
}

function aimsOf(quiet: CallFigures, attacked: CallFigures): readonly Aim[] {
  const ratio = attacked.p99Ms / quiet.p99Ms;
  return [
    {
      what: "another tenant's p99 under attack ÷ quiet",
      aim: `≤ ${RATIO_MAX}`,
      measured: fixed(ratio),
      isMet: ratio <= RATIO_MAX,
    },
    {
      what: "another tenant's calls that fail under attack",
      aim: '0',
      measured: String(attacked.failures),
      isMet: attacked.failures === 0,
    },
  ];
}

/** What another tenant feels while everything that strangers can do is done at once. */
export async function benchHostile(directory: string, tell: (text: string) => void): Promise<SectionResult> {
  mkdirSync(directory, { recursive: true });
  const upstream = await startUpstream();
  const platform = new Platform(directory);
  const watch = new LoopWatch(directory);
  const agent = new Agent();
  let attack: ChildProcess | undefined;
  try {
    const options = `${watch.env.NODE_OPTIONS ?? ''} --max-old-space-size=${HEAP_MIB}`;
    await platform.start({ ...watch.env, NODE_OPTIONS: options });
    await makeModels(platform.admin, upstream.baseUrl);
    const { headers } = await makeCustomer(platform.admin, 'Neighbour');
    const neighbour = { url: platform.url, agent, headers };
    const attackers = await makeAttackers(platform);
    const { pid } = platform;
    await callsOf(neighbour, WARM_UP_CALLS);
    const before = openDescriptors(pid);
    tell('hostile: quiet');
    const quiet = await measure(neighbour, watch, pid);
    tell('hostile: under attack');
    attack = (await forkReady(join(__dirname, '../hostile/main.js'), [JSON.stringify(attackers)])).child;
    attack.send('begin');
    await sleep(LEAD_MS);
    const attacked = await measure(neighbour, watch, pid);
    const during = openDescriptors(pid);
    const counts = await endOf(attack);
    await agent.close();
    const after = await settled(pid, before);
    const peakMiB = peakMemoryMiB(pid);
    const sent = Object.entries(counts).map(
      ([name, { connections, bytes }]) => `${name}: ${connections} (${fixed(bytes / 1_048_576, 0)} MiB)`,
    );
    const isReleased = before === undefined || after === undefined ? undefined : after <= before + DESCRIPTORS_SLACK;
    return {
      title: `Another tenant's calls while strangers attack, ${CALLS} calls, one every ${EVERY_MS} ms, heap of ${HEAP_MIB} MiB`,
      columns: ['when', 'p50 ms', 'p99 ms', 'max ms', 'failed', 'loop p99 ms', 'longest stall ms'],
      rows: [row('quiet', quiet), row('under attack', attacked)],
      notes: [
        `Memory at its peak ${fixed(peakMiB, 0)} MiB. Open descriptors: ${before ?? '–'} before, ${during ?? '–'} during, ${after ?? '–'} after.`,
        `Connections of the attackers (bytes sent): ${sent.join(', ')}.`,
      ],
      aims: [
        ...aimsOf(quiet, attacked),
        {
          what: 'descriptors after the attack',
          aim: `≤ before + ${DESCRIPTORS_SLACK}`,
          measured: `${before ?? '–'} → ${after ?? '–'}`,
          isMet: isReleased,
        },
      ],
      figures: { quiet, attacked, counts, peakMiB, descriptors: { before, during, after } },
    };
  } finally {
    attack?.kill();
    await platform.stop();
    upstream.stop();
  }
}
