import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import type { EncodedEvent, EventId, StreamName } from '#kernel';

/** Names the command that starts a real server, with `{port}` and `{data}` in it; it must stay in the foreground. */
export const SERVER_COMMAND_VARIABLE = 'EVENTSTOREDB_SERVER_COMMAND';

/** `undefined`: the protocol double is to stand in. */
export function serverCommandOf(environment: NodeJS.ProcessEnv): string | undefined {
  return environment[SERVER_COMMAND_VARIABLE] || undefined;
}

const READY_MS_MAX = 120_000;
const READY_POLL_MS = 200;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answers(connectionString: string): Promise<boolean> {
  const store = new EventStoreDbEventStore(parseConnectionString(connectionString), { readIdleTimeoutMs: 1_000 });
  try {
    await store.lastPosition();
    return true;
  } catch {
    return false;
  } finally {
    await store.close();
  }
}

/** A real server, started by a command of whoever runs the test. */
export class RealStoreServer {
  readonly isKilledForReal = true;
  readonly description = 'a real server, killed and started again on the same data';
  readonly connectionString: string;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  private constructor(
    private readonly command: string,
    private readonly dataDir: string,
    readonly port: number,
  ) {
    this.connectionString = `esdb://127.0.0.1:${port}?tls=false`;
  }

  /** On a port of its own, once it answers. */
  static async start(command: string, dataDir: string): Promise<RealStoreServer> {
    mkdirSync(dataDir, { recursive: true });
    const port = await freePort();
    const filledIn = command.replaceAll('{port}', String(port)).replaceAll('{data}', dataDir);
    const server = new RealStoreServer(filledIn, dataDir, port);
    await server.startAgain();
    return server;
  }

  /** On the same port and the same data. */
  async startAgain(): Promise<void> {
    // A group of its own, so that a shell which started the server does not outlive or shield it.
    const child = spawn('sh', ['-c', `exec ${this.command}`], { stdio: 'ignore', detached: true });
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    const deadline = performance.now() + READY_MS_MAX;
    while (!(await answers(this.connectionString))) {
      if (performance.now() > deadline) throw new Error(`the event store did not answer within ${READY_MS_MAX} ms`);
      if (child.exitCode !== null) throw new Error(`the event store ended by itself with ${child.exitCode}`);
      await sleep(READY_POLL_MS);
    }
  }

  async killAndRestart(): Promise<void> {
    await this.kill();
    await this.startAgain();
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
  }

  /** Also what is left of it on disk. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** The data as they are now, for `restore`. */
  async backUp(): Promise<string> {
    const copy = `${this.dataDir}.backup`;
    await this.kill();
    cpSync(this.dataDir, copy, { recursive: true });
    await this.startAgain();
    return copy;
  }

  /** Comes up with an older state; what was written since is gone. */
  async restore(copy: string): Promise<void> {
    await this.kill();
    rmSync(this.dataDir, { recursive: true, force: true });
    cpSync(copy, this.dataDir, { recursive: true });
    rmSync(copy, { recursive: true, force: true });
    await this.startAgain();
  }

  /** Bytes as they are, whatever a gateway would make of them. */
  async append(stream: string, events: readonly { id: string; type: string; body: Uint8Array }[]): Promise<void> {
    const store = new EventStoreDbEventStore(parseConnectionString(this.connectionString));
    const encoded = events.map(({ id, ...rest }): EncodedEvent => ({ ...rest, id: id as EventId }));
    await store.append(stream as StreamName, 'any', encoded).finally(() => store.close());
  }

  #signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  }
}
