import { type ChildProcess, spawn } from 'node:child_process';
import { LogLines } from './log-lines';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the platform: its process, what it writes, and how it ends. */
export class PlatformChild {
  readonly logs: LogLines;
  readonly exited: Promise<Exit>;
  #stderr = '';

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null || child.stderr === null) throw new Error('the process was started without pipes');
    this.logs = new LogLines(child.stdout);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // `close` comes after the last byte of its output has been read.
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  /** Runs the compiled platform with these settings and nothing of the caller's environment. */
  static spawn(main: string, environment: Readonly<Record<string, string>>): PlatformChild {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new PlatformChild(child);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  kill(signal: NodeJS.Signals): Promise<Exit> {
    this.signal(signal);
    return this.exited;
  }
}
