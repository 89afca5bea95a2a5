import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { builtProgram } from '#testing/platform-process';
import { RealStoreServer, serverCommandOf } from '#testing/real-store-server';

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
  const command = serverCommandOf(environment);
  return command === undefined ? DoubleStoreServer.start() : RealStoreServer.start(command, dataDir);
}
