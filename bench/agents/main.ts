import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlatformProcess } from '#testing/platform-process';
import { installAgents } from './install';
import { PROGRAMS, type Program } from './programs';
import { GREETING, NOTE_FILE, READ_THE_NOTE, SAY_HELLO } from './script';
import { ScriptedUpstream } from './upstream';

/**
 * Drives well-known agents at their defaults against the platform, before scripted upstreams of both kinds: each has to
 * answer a text, and to run a tool and tell what it found. Prints one line per run; ends with 1 if any of them failed.
 */

const KINDS = ['openai', 'anthropic'] as const;
type Kind = (typeof KINDS)[number];
const TASKS = [
  { name: 'text', prompt: SAY_HELLO },
  { name: 'tool loop', prompt: READ_THE_NOTE },
] as const;

interface World {
  readonly directory: string;
  readonly platform: PlatformProcess;
  readonly note: string;
  readonly key: string;
}

async function declareModels({ admin }: PlatformProcess, kind: Kind, upstream: ScriptedUpstream): Promise<void> {
  await admin.createBackend(kind, upstream.baseUrl, { kind });
  for (const id of new Set(PROGRAMS.flatMap(({ models }) => models))) {
    const routes = [{ backend: kind, upstreamModel: id }];
    const known = await admin.send('GET', `/models/${id}`);
    if (known.ok) await admin.request('PATCH', `/models/${id}`, { routes });
    else
      await admin.createModel({
        id,
        backend: kind,
        upstreamModel: id,
        contextTokens: 1_000_000,
        maxOutputTokens: 128_000,
        prices: { input: '1', output: '2' },
      });
  }
}

/** What is wrong with a run; undefined where nothing is. */
async function faultOf(world: World, upstream: ScriptedUpstream, program: Program, prompt: string) {
  const { directory, platform, note, key } = world;
  const place = {
    installed: join(directory, 'programs'),
    home: mkdtempSync(join(directory, 'home-')),
    url: platform.url,
  };
  const workspace = mkdtempSync(join(directory, 'workspace-'));
  writeFileSync(join(workspace, NOTE_FILE), `${note}\n`);
  const heardBefore = upstream.heard.length;
  const { exitCode, output } = await program.run(prompt, { ...place, workspace, key });
  const wanted = prompt === SAY_HELLO ? GREETING : `The note says: ${note}`;
  if (upstream.heard.length === heardBefore) return `no call has reached the upstream\n${output}`;
  if (exitCode !== 0) return `it ended with ${exitCode}\n${output}`;
  return output.includes(wanted) ? undefined : `it did not say "${wanted}"\n${output}`;
}

async function runAll(world: World): Promise<number> {
  let failures = 0;
  for (const kind of KINDS) {
    const upstream = await ScriptedUpstream.start(kind, world.note);
    await declareModels(world.platform, kind, upstream);
    for (const program of PROGRAMS)
      for (const { name, prompt } of TASKS) {
        const fault = await faultOf(world, upstream, program, prompt);
        if (fault !== undefined) failures += 1;
        const cells = [program.name.padEnd(16), program.version.padEnd(10), kind.padEnd(10), name.padEnd(10)];
        process.stdout.write(`${cells.join(' ')} ${fault === undefined ? 'ok' : `FAILED: ${fault}`}\n`);
      }
    await upstream.close();
  }
  return failures;
}

async function main(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'aiaas-agents-'));
  try {
    process.stderr.write('installing the programs…\n');
    await installAgents(join(directory, 'programs'));
    mkdirSync(join(directory, 'data'));
    const platform = await PlatformProcess.start({ dataDir: join(directory, 'data') });
    try {
      const { organizationId, projectId } = platform.firstRun;
      const { secret } = await platform.admin.createKey(organizationId, projectId);
      return await runAll({ directory, platform, note: `note-${randomUUID()}`, key: secret });
    } finally {
      await platform.kill();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

main().then(
  (failures) => {
    process.exitCode = failures === 0 ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
