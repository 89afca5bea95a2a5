import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { builtProgram } from './fresh-build';

/** The protocol double in a process of its own, so that what runs against it shares no thread with the test. */
export class StoreProcess {
  readonly #answers: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    answers: AsyncIterator<string>,
    readonly connectionString: string,
  ) {
    this.#answers = answers;
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

  /** Keeps every append waiting, from now until the returned function has resolved. */
  async holdAppends(): Promise<() => Promise<void>> {
    await this.#order('hold');
    return () => this.#order('go');
  }

  /** Breaks every connection and takes no new one, from now until the returned function has resolved. */
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
