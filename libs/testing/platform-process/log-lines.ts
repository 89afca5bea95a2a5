import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** One structured line of the process's log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

interface Waiting {
  readonly matches: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
  readonly reject: (error: Error) => void;
}

function parse(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

/** Reads what a process writes, keeps it, and tells who waits for a line. */
export class LogLines {
  readonly lines: LogLine[] = [];
  #text = '';
  #isOver = false;
  readonly #waiting = new Set<Waiting>();

  constructor(stdout: Readable) {
    const reader = createInterface({ input: stdout });
    reader.on('line', (text) => this.#take(text));
    reader.on('close', () => {
      this.#isOver = true;
      for (const { reject } of this.#waiting) reject(new Error(`the process ended first; it wrote:\n${this.#text}`));
      this.#waiting.clear();
    });
  }

  /** Everything, also what is no structured line. */
  get text(): string {
    return this.#text;
  }

  /** The first line that matches, from the beginning; rejects when the process ends or the time is over before it. */
  async find(what: string, matches: (line: LogLine) => boolean, timeoutMs = 10_000): Promise<LogLine> {
    const found = this.lines.find(matches);
    if (found !== undefined) return found;
    if (this.#isOver) throw new Error(`the process ended without ${what}; it wrote:\n${this.#text}`);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        matches,
        resolve: (line) => {
          clearTimeout(timer);
          resolve(line);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error(`no ${what} within ${timeoutMs} ms; the last lines:\n${this.#text.slice(-4_000)}`));
      }, timeoutMs);
      this.#waiting.add(waiting);
    });
  }

  #take(text: string): void {
    this.#text += `${text}\n`;
    const line = parse(text);
    if (line === undefined) return;
    this.lines.push(line);
    for (const waiting of this.#waiting) {
      if (!waiting.matches(line)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(line);
    }
  }
}
