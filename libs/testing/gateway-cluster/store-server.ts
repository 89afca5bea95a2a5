import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import { builtProgram } from '#testing/platform-process';

/** An event store in a process of its own, that a test ends, stops for a while and starts again. */
export interface StoreServer {
  /** What it is, for a report. */
  readonly description: string;
  readonly connectionString: string;
  /** As by kill -9, and back on the same data; of the double, whose record is in memory, only its connections end. */
  readonly isKilledForReal: boolean;
  killAndRestart(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Names the command that starts a real server, with `{port}` and `{data}` in it; it must stay in the foreground. */
export const SERVER_COMMAND_VARIABLE = 'EVENTSTOREDB_SERVER_COMMAND';

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
class RealStoreServer implements StoreServer {
  readonly isKilledForReal = true;
  readonly description = 'a real server, killed and started again on the same data';
  readonly connectionString: string;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(
    private readonly command: string,
    port: number,
  ) {
    this.connectionString = `esdb://127.0.0.1:${port}?tls=false`;
  }

  async start(): Promise<void> {
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
    await this.stop();
    await this.start();
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  #signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, signal);
  }
}

/** The protocol double: its record lives and dies with its process. */
class DoubleStoreServer implements StoreServer {
  readonly isKilledForReal = false;
  readonly description = 'the protocol double, whose connections are cut where a real server would be killed';

  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
    readonly connectionString: string,
  ) {}

  static async start(): Promise<DoubleStoreServer> {
    const program = builtProgram('libs/testing/eventstoredb-double/main.js');
    const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the protocol double ended with ${code}`)));
    });
    const { connectionString } = JSON.parse(line) as { connectionString: string };
    return new DoubleStoreServer(child, lines, connectionString);
  }

  async killAndRestart(): Promise<void> {
    const answered = new Promise<string>((resolve) => this.lines.once('line', resolve));
    this.child.stdin?.write('cut\n');
    const answer = await answered;
    if (answer !== 'cut') throw new Error(`the protocol double answered ${answer} to cut`);
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill('SIGKILL');
    await exited;
  }
}

/** The server that the environment says how to start, else the protocol double. */
export async function startStoreServer(dataDir: string, environment = process.env): Promise<StoreServer> {
  const command = environment[SERVER_COMMAND_VARIABLE];
  if (command === undefined || command === '') return DoubleStoreServer.start();
  mkdirSync(dataDir, { recursive: true });
  const port = await freePort();
  const server = new RealStoreServer(command.replaceAll('{port}', String(port)).replaceAll('{data}', dataDir), port);
  await server.start();
  return server;
}
