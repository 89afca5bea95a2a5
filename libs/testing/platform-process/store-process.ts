import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RealStoreServer, serverCommandOf } from '#testing/real-store-server';
import { builtProgram } from './fresh-build';
import { Relay } from './relay';

/** The store of a test, which it may hold up and take away. */
export interface TestStore {
  readonly connectionString: string;
  /** For whoever looks at the record while its writers are held. */
  readonly readersConnectionString: string;
  /**
   * Keeps every append of the process under test waiting, from now until the returned function has resolved; before a
   * real server, everything else that it sends as well.
   */
  holdAppends(): Promise<() => Promise<void>>;
  /** Breaks every connection and takes no new one, from now until the returned function has resolved. */
  takeAway(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** The server that the environment says how to start, else the protocol double. */
export async function startTestStore(environment = process.env): Promise<TestStore> {
  const command = serverCommandOf(environment);
  if (command === undefined) return StoreProcess.start();
  const server = await RealStoreServer.start(command, mkdtempSync(join(tmpdir(), 'aiaas-store-')));
  const relay = await Relay.before(server.port);
  return {
    connectionString: `esdb://127.0.0.1:${relay.port}?tls=false`,
    readersConnectionString: server.connectionString,
    async holdAppends() {
      relay.hold();
      return async () => relay.letGo();
    },
    async takeAway() {
      await server.kill();
      return () => server.startAgain();
    },
    async stop() {
      relay.close();
      await server.dispose();
    },
  };
}

/** The protocol double in a process of its own, so that what runs against it shares no thread with the test. */
export class StoreProcess implements TestStore {
  readonly readersConnectionString: string;
  readonly #answers: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    answers: AsyncIterator<string>,
    readonly connectionString: string,
  ) {
    this.#answers = answers;
    this.readersConnectionString = connectionString;
  }

  static async start(): Promise<StoreProcess> {
    const program = builtProgram('libs/testing/eventstoredb-double/main.js');
    const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdin, stdout } = child;
    const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const line: IteratorResult<string, unknown> = await answers.next();
    if (line.done === true) throw new Error('the event store of the test ended before it said where it is');
    const { connectionString } = JSON.parse(line.value) as { connectionString: string };
    // A test that forgets it is not kept alive by it, and takes it along when it ends.
    child.unref();
    for (const pipe of [stdin, stdout]) if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
    return new StoreProcess(child, answers, connectionString);
  }

  async holdAppends(): Promise<() => Promise<void>> {
    await this.#order('hold');
    return () => this.#order('go');
  }

  async takeAway(): Promise<() => Promise<void>> {
    await this.#order('down');
    return () => this.#order('up');
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.ref();
    this.child.kill('SIGKILL');
    await ended;
  }

  async #order(order: 'hold' | 'go' | 'down' | 'up'): Promise<void> {
    this.child.stdin?.write(`${order}\n`);
    const answer: IteratorResult<string, unknown> = await this.#answers.next();
    if (answer.value !== order) throw new Error(`the event store answered ${String(answer.value)} to ${order}`);
  }
}
