import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient } from '#testing/platform-process';
import { benchModel, makeCustomer, makeModels } from './customers';
import { ServedProcess } from './served-process';
import type { Target } from './target';

/** The real process with its default settings. */
export class Platform {
  readonly #process: ServedProcess;
  readonly admin = new AdminClient(
    () => this.url,
    () => this.firstRun.systemToken,
  );

  constructor(readonly dataDir: string) {
    this.#process = new ServedProcess('platform', dataDir);
  }

  get url(): string {
    return this.#process.url;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get firstRun(): { readonly systemToken: string } {
    return JSON.parse(readFileSync(join(this.dataDir, 'first-run.json'), 'utf8')) as { systemToken: string };
  }

  /** @returns milliseconds from the start of the process until it says that it is ready. */
  start(env: Readonly<Record<string, string>> = {}): Promise<number> {
    return this.#process.start({ AIAAS_DATA: this.dataDir, ...env });
  }

  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return this.#process.stop(signal);
  }

  /** One organization with a blocking budget, one key, and the upstream's answers as priced models. */
  async prepare(upstreamUrl: string): Promise<Target> {
    await makeModels(this.admin, upstreamUrl);
    const customer = await makeCustomer(this.admin, 'Bench');
    return { name: 'platform', port: this.#process.port, pid: this.pid, ...customer, model: benchModel };
  }
}
