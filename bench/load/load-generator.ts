import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { LoadJob, LoadMessage, LoadResult } from './job';

/** Time beyond a job's own that the generator may take before the bench gives up. */
const GRACE_MS = 30_000;

/** Runs jobs one after the other in a process of its own. */
export class LoadGenerator {
  readonly #child: ChildProcess = fork(join(__dirname, 'main.js'));

  run(job: LoadJob): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#child.off('message', onMessage);
        this.#child.off('exit', onExit);
      };
      const onMessage = (message: LoadMessage): void => {
        over();
        if (message.ok) resolve(message.result);
        else reject(new Error(`the load generator failed: ${message.error}`));
      };
      const onExit = (): void => {
        over();
        reject(new Error('the load generator has ended'));
      };
      const timer = setTimeout(
        () => {
          over();
          reject(new Error('the load generator does not answer'));
        },
        job.warmUpMs + job.measureMs + GRACE_MS,
      );
      this.#child.on('message', onMessage);
      this.#child.on('exit', onExit);
      this.#child.send(job);
    });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
