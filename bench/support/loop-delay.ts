import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Names the file that the probe writes, in the environment of the process that is watched. */
export const LOOP_FILE = 'BENCH_LOOP_FILE';

/** Times from one turn of an event loop to the next; an idle loop turns once a millisecond for the probe alone. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly ticks: number;
}

const ANSWER_MS_MAX = 30_000;

/** Watches the event loop of another process's main thread. */
export class LoopWatch {
  readonly #file: string;

  constructor(directory: string) {
    this.#file = join(directory, 'loop-delay.json');
  }

  /** For the environment of the process. */
  get env(): Readonly<Record<string, string>> {
    return { [LOOP_FILE]: this.#file, NODE_OPTIONS: `--require ${join(__dirname, '../loop-probe/main.js')}` };
  }

  /** What the loop felt since this was last asked. @throws Error when the process does not answer. */
  async since(pid: number): Promise<LoopDelay> {
    rmSync(this.#file, { force: true });
    process.kill(pid, 'SIGUSR2');
    for (const untilMs = performance.now() + ANSWER_MS_MAX; performance.now() < untilMs; ) {
      if (existsSync(this.#file)) return JSON.parse(readFileSync(this.#file, 'utf8')) as LoopDelay;
      await setTimeout(5);
    }
    throw new Error('the watched process does not say how its event loop fared');
  }
}
