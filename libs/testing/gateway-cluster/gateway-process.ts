import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminClient, builtMain, type Exit, type LogLine, PlatformChild } from '#testing/platform-process';

export interface GatewayOptions {
  readonly connectionString: string;
  /** Of keys and kept answers: the same for all gateways of a cluster. */
  readonly sharedDir: string;
  /** Of this gateway's own views. */
  readonly dataDir: string;
  /** Settings beside those. */
  readonly environment?: Readonly<Record<string, string>>;
}

const MASTER_KEY = 'ab'.repeat(32);
/** How long a start may take where nothing keeps it from becoming ready but a busy machine. */
export const GATEWAY_READY_MS_MAX = 60_000;

/** One gateway of several on a store, as a process that is stopped, ended and started again. */
export class GatewayProcess {
  readonly admin: AdminClient;
  readonly #main = builtMain('gateway');
  #child: PlatformChild;
  #url = '';

  private constructor(private readonly options: GatewayOptions) {
    this.#child = this.#spawn();
    this.admin = new AdminClient(
      () => this.url,
      () => this.systemToken,
    );
  }

  /** Begins to start; `ready` tells when it has. */
  static spawn(options: GatewayOptions): GatewayProcess {
    return new GatewayProcess(options);
  }

  static async start(options: GatewayOptions): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(options);
    await gateway.ready();
    return gateway;
  }

  /** Of the run that became ready last. */
  get url(): string {
    return this.#url;
  }

  get systemToken(): string {
    const file = readFileSync(join(this.options.sharedDir, 'first-run.json'), 'utf8');
    return (JSON.parse(file) as { systemToken: string }).systemToken;
  }

  get logs(): readonly LogLine[] {
    return this.#child.logs.lines;
  }

  /** What this run has written, to both outputs. */
  get output(): string {
    return this.#child.logs.text + this.#child.stderr;
  }

  get stderr(): string {
    return this.#child.stderr;
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  /** A line of this run, past or to come. */
  logged(what: string, matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine> {
    return this.#child.logs.find(what, matches, timeoutMs);
  }

  /** @throws Error with what it wrote when it ends, or is not ready in time. */
  async ready(timeoutMs = GATEWAY_READY_MS_MAX): Promise<void> {
    const child = this.#child;
    try {
      const line = await child.logs.find('the line that says ready', ({ message }) => message === 'ready', timeoutMs);
      this.#url = String(line.url);
    } catch (error) {
      throw new Error(`a gateway did not become ready: ${String(error)}\n${child.stderr}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  /** Resolves when the process has gone. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    return this.#child.kill(signal);
  }

  /** Stands still, as a virtual machine that is moved does. */
  pause(): void {
    this.signal('SIGSTOP');
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** Begins to start again on the same data, after the process has gone. */
  async respawn(): Promise<void> {
    await this.#child.exited;
    this.#child = this.#spawn();
  }

  #spawn(): PlatformChild {
    const { connectionString, sharedDir, dataDir, environment } = this.options;
    return PlatformChild.spawn(this.#main, {
      AIAAS_MODE: 'distributed',
      AIAAS_EVENTSTOREDB_URL: connectionString,
      AIAAS_SHARED_DATA: sharedDir,
      AIAAS_DATA: dataDir,
      AIAAS_PORT: '0',
      AIAAS_MASTER_KEY: MASTER_KEY,
      // Without the demo every ledger in the record is one of the test's own.
      AIAAS_DEMO: 'off',
      ...environment,
    });
  }
}
