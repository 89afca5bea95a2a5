import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const READY_MS_MAX = 60_000;
const POLL_MS = 5;

interface ReadyLine {
  readonly message: string;
  readonly url: string;
}

/**
 * One of the programs as it is run. Its log goes to a file as it would in production: a pipe read by the bench would
 * cost the processor that is being measured.
 */
export class ServedProcess {
  #child: ChildProcess | undefined;
  #url = '';
  #starts = 0;

  constructor(
    private readonly app: 'platform' | 'gateway',
    /** Its logs are written there. */
    readonly directory: string,
  ) {}

  get url(): string {
    return this.#url;
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`the ${this.app} does not run`);
    return pid;
  }

  /** @returns milliseconds from the start of the process until it says that it is ready. */
  async start(env: Readonly<Record<string, string>>): Promise<number> {
    this.#starts += 1;
    const logFile = join(this.directory, `log-${this.#starts}.jsonl`);
    const log = openSync(logFile, 'w');
    const startedMs = performance.now();
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [join(__dirname, `../../apps/${this.app}/main.js`)], {
      env: { PATH, AIAAS_PORT: '0', ...env },
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
    throw new Error(`the ${this.app} did not become ready; see ${logFile}`);
  }

  /** Without waiting: standing still (`SIGSTOP`) and going on (`SIGCONT`). */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
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
}
