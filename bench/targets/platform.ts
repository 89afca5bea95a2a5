import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { OrganizationId } from '#kernel';
import { AdminClient } from '#testing/platform-process';
import { CALL_KINDS, type Target, UPSTREAM_MODELS } from './target';

const READY_MS_MAX = 60_000;
const POLL_MS = 5;

interface ReadyLine {
  readonly message: string;
  readonly url: string;
}

/**
 * The real process with its default settings. Its log goes to a file as it would in production: a pipe read by the
 * bench would cost the processor that is being measured.
 */
export class Platform {
  #child: ChildProcess | undefined;
  #url = '';
  #starts = 0;
  readonly admin = new AdminClient(
    () => this.#url,
    () => this.firstRun.systemToken,
  );

  constructor(readonly dataDir: string) {}

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the platform does not run');
    return pid;
  }

  get firstRun(): { readonly systemToken: string } {
    return JSON.parse(readFileSync(join(this.dataDir, 'first-run.json'), 'utf8')) as { systemToken: string };
  }

  /** @returns milliseconds from the start of the process until it says that it is ready. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<number> {
    this.#starts += 1;
    const logFile = join(this.dataDir, `log-${this.#starts}.jsonl`);
    const log = openSync(logFile, 'w');
    const startedMs = performance.now();
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [join(__dirname, '../../apps/platform/main.js')], {
      env: { PATH, AIAAS_PORT: '0', AIAAS_DATA: this.dataDir, ...env },
      stdio: ['ignore', log, 'inherit'],
    });
    closeSync(log);
    this.#child = child;
    while (performance.now() - startedMs < READY_MS_MAX && child.exitCode === null) {
      const line = readFileSync(logFile, 'utf8')
        .split('\n')
        .find((text) => text.includes('"message":"ready"'));
      if (line !== undefined) {
        this.#url = (JSON.parse(line) as ReadyLine).url;
        return performance.now() - startedMs;
      }
      await setTimeout(POLL_MS);
    }
    child.kill('SIGKILL');
    throw new Error(`the platform did not become ready; see ${logFile}`);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill(signal);
    });
    this.#child = undefined;
  }

  /** One organization with a blocking budget, one key, and the upstream's answers as two priced models. */
  async prepare(upstreamUrl: string): Promise<Target> {
    const { admin } = this;
    await admin.createBackend('upstream', upstreamUrl);
    for (const kind of CALL_KINDS)
      await admin.createModel({
        id: `bench-${kind}`,
        kind: kind === 'embeddings' ? 'embedding' : 'chat',
        backend: 'upstream',
        upstreamModel: UPSTREAM_MODELS[kind],
        prices: { input: '0.15', output: kind === 'embeddings' ? '0' : '0.6' },
      });
    const org = await admin.createOrganization('Bench', 'bench');
    const project = await admin.createProject(org, 'bench');
    await admin.createBudget(org, '1000000');
    const key = await admin.createKey(org, project);
    const limits = { requestsPerMinute: 100_000_000, burst: 100_000_000, concurrency: 10_000 };
    await admin.setKeyLimits(org, key.id, limits);
    return {
      name: 'platform',
      port: Number(new URL(this.#url).port),
      pid: this.pid,
      orgId: org as OrganizationId,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secret}` },
      model: (kind) => `bench-${kind}`,
    };
  }
}
