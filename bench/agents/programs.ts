import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PINNED } from './install';
import { NOTE_FILE } from './script';

/** What a program needs to know to run once. */
export interface Place {
  /** Where the programs are installed. */
  readonly installed: string;
  /** A home and a workspace of this run alone. */
  readonly home: string;
  readonly workspace: string;
  readonly url: string;
  readonly key: string;
}

export interface Program {
  readonly name: string;
  readonly version: string;
  /** The models that it asks for by itself. */
  readonly models: readonly string[];
  run(prompt: string, place: Place): Promise<Run>;
}

export interface Run {
  readonly exitCode: number | null;
  readonly output: string;
}

const RUN_MS_MAX = 180_000;
const OUTPUT_CHARACTERS_MAX = 200_000;

function start(command: string, args: readonly string[], place: Place, environment: Readonly<Record<string, string>>) {
  return new Promise<Run>((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: place.workspace,
      env: { PATH: process.env.PATH ?? '', HOME: place.home, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

/** The executable of this machine is in a package of its own, beside the one that was asked for. */
function claudeBinary(installed: string): string {
  const scope = join(installed, 'node_modules/@anthropic-ai');
  const own = readdirSync(scope).find((name) => name.startsWith('claude-code-'));
  if (own === undefined) throw new Error('Claude Code has no executable for this machine.');
  return join(scope, own, process.platform === 'win32' ? 'claude.exe' : 'claude');
}

const CLAUDE_CODE: Program = {
  name: 'Claude Code',
  version: PINNED['@anthropic-ai/claude-code'],
  models: ['claude-opus-5-5', 'claude-haiku-4-5-20251001'],
  run: (prompt, place) =>
    start(claudeBinary(place.installed), ['-p', prompt, '--allowedTools', 'Bash'], place, {
      ANTHROPIC_BASE_URL: place.url,
      ANTHROPIC_API_KEY: place.key,
      // Nothing but the calls is wanted of it here.
      DISABLE_TELEMETRY: '1',
      DISABLE_ERROR_REPORTING: '1',
      DISABLE_AUTOUPDATER: '1',
    }),
};

const CODEX: Program = {
  name: 'Codex',
  version: PINNED['@openai/codex'],
  models: ['gpt-6.2-sol'],
  run(prompt, place) {
    mkdirSync(join(place.home, '.codex'), { recursive: true });
    const config = [
      'model_provider = "platform"',
      'check_for_update_on_startup = false',
      '[analytics]',
      'enabled = false',
      '[model_providers.platform]',
      'name = "platform"',
      `base_url = "${place.url}/v1"`,
      'env_key = "PLATFORM_KEY"',
    ];
    writeFileSync(join(place.home, '.codex/config.toml'), `${config.join('\n')}\n`);
    const binary = join(place.installed, 'node_modules/.bin/codex');
    return start(binary, ['exec', '--skip-git-repo-check', prompt], place, { PLATFORM_KEY: place.key });
  },
};

/** One agent with one tool, as the SDK's own documentation begins. */
const AGENT_PROGRAM = `
import { readFileSync } from 'node:fs';
import { Agent, run, tool } from '@openai/agents';
import { z } from 'zod';
const readNote = tool({
  name: 'read_note',
  description: 'Reads the note',
  parameters: z.object({}),
  execute: async () => readFileSync(process.argv[3] + '/${NOTE_FILE}', 'utf8'),
});
const agent = new Agent({ name: 'Reader', instructions: 'Help with the note.', tools: [readNote] });
const result = await run(agent, process.argv[2]);
console.log(result.finalOutput);
`;

const AGENTS_SDK: Program = {
  name: '@openai/agents',
  version: PINNED['@openai/agents'],
  models: ['gpt-5.6-luna'],
  run(prompt, place) {
    const program = join(place.installed, 'agent.mjs');
    writeFileSync(program, AGENT_PROGRAM);
    return start(process.execPath, [program, prompt, place.workspace], place, {
      OPENAI_BASE_URL: `${place.url}/v1`,
      OPENAI_API_KEY: place.key,
      OPENAI_AGENTS_DISABLE_TRACING: '1',
    });
  },
};

export const PROGRAMS: readonly Program[] = [CLAUDE_CODE, CODEX, AGENTS_SDK];
