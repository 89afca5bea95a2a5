import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { AdminClient } from '#testing/platform-process';
import type { BenchStore } from './bench-store';
import { ServedProcess } from './served-process';

const MASTER_KEY = 'ab'.repeat(32);
const SETTLE_MS_MAX = 300_000;
const SETTLE_POLL_MS = 50;
/** A gateway asks the one that won against it for a second; that one may stand still by now. */
const FORGET_MS = 1_500;

/** One of several gateways on one store. */
export interface Gateway {
  readonly name: string;
  readonly process: ServedProcess;
  /** Stands still, so that it takes nothing from the machine; the others hold it for dead meanwhile. */
  isPaused: boolean;
}

/** Gateways with default settings: one record, one directory of keys, and views of their own. */
export class Gateways {
  readonly all: Gateway[] = [];
  readonly admin = new AdminClient(
    () => this.all[0]?.process.url ?? '',
    () => this.#systemToken,
  );
  readonly #sharedDir: string;

  constructor(
    private readonly directory: string,
    private readonly store: BenchStore,
  ) {
    this.#sharedDir = join(directory, 'shared');
  }

  get #systemToken(): string {
    const text = readFileSync(join(this.#sharedDir, 'first-run.json'), 'utf8');
    return (JSON.parse(text) as { systemToken: string }).systemToken;
  }

  /** One more, on this way to the store. */
  async add(name: string, connectionString = this.store.connectionString): Promise<Gateway> {
    const dataDir = join(this.directory, name.replaceAll(' ', '-'));
    mkdirSync(dataDir, { recursive: true });
    const process = new ServedProcess('gateway', dataDir);
    const gateway: Gateway = { name, process, isPaused: false };
    this.all.push(gateway);
    await process.start({
      AIAAS_MODE: 'distributed',
      AIAAS_EVENTSTOREDB_URL: connectionString,
      AIAAS_SHARED_DATA: this.#sharedDir,
      AIAAS_DATA: dataDir,
      AIAAS_MASTER_KEY: MASTER_KEY,
      AIAAS_DEMO: 'off',
    });
    return gateway;
  }

  /** Lets these run and the others stand still; resolves once they are ready and their views know everything. */
  async only(running: readonly Gateway[]): Promise<void> {
    const changed = this.all.filter((gateway) => gateway.isPaused === running.includes(gateway));
    for (const gateway of changed) {
      gateway.isPaused = !gateway.isPaused;
      gateway.process.signal(gateway.isPaused ? 'SIGSTOP' : 'SIGCONT');
    }
    if (changed.length > 0) await setTimeout(FORGET_MS);
    const end = await this.store.endOfLog();
    for (const gateway of running) await this.#settled(gateway, end);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map(({ process }) => process.stop('SIGKILL')));
  }

  async #settled({ name, process }: Gateway, end: bigint): Promise<void> {
    let last = '';
    for (const untilMs = performance.now() + SETTLE_MS_MAX; performance.now() < untilMs; ) {
      const ready = await fetch(`${process.url}/health/ready`);
      last = await ready.text();
      if (ready.ok) {
        const views = await this.#views(process.url);
        last = `its views are at ${views}, the record ends at ${end}`;
        if (views >= end) return;
      }
      await setTimeout(SETTLE_POLL_MS);
    }
    throw new Error(`${name} does not come to rest: ${last}`);
  }

  /** How far its views have come. */
  async #views(url: string): Promise<bigint> {
    const headers = { authorization: `Bearer ${this.#systemToken}` };
    const answer = await fetch(`${url}/analytics/v1/views`, { headers });
    const { watermark } = (await answer.json()) as { watermark: { position: string } | null };
    return BigInt(watermark?.position ?? 0);
  }
}
