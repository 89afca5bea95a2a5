import { closeSync, openSync, writeSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';

/** One call as it arrived. */
export interface ReceivedCall {
  /** From 1, in the order of arrival. */
  readonly number: number;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The first `marker-…` of the body: by it a test recognizes its own call. */
  readonly marker: string | undefined;
  /** Resolves when the answer is over, with whether it was sent in full. */
  readonly ended: Promise<boolean>;
}

/** Calls of a long load are counted, but not all kept. */
export const CALLS_KEPT_MAX = 10_000;
const EXCERPT_LENGTH_MAX = 300;
const MARKER = /marker-[A-Za-z0-9_-]+/;

export function markerOf(text: string): string | undefined {
  return MARKER.exec(text)?.[0];
}

/** Remembers calls, tells who waits for them, and appends one line per call to a file. */
export class ReceivedCalls {
  readonly kept: ReceivedCall[] = [];
  #count = 0;
  readonly #file: number | undefined;
  readonly #waiting: { matches: (call: ReceivedCall) => boolean; resolve: (call: ReceivedCall) => void }[] = [];

  constructor(logFile?: string) {
    this.#file = logFile === undefined ? undefined : openSync(logFile, 'a');
  }

  get count(): number {
    return this.#count;
  }

  add(call: Omit<ReceivedCall, 'number'>): void {
    this.#count += 1;
    const received = { ...call, number: this.#count };
    this.#append(received);
    this.kept.push(received);
    if (this.kept.length > CALLS_KEPT_MAX) this.kept.shift();
    for (const waiting of this.#waiting.filter(({ matches }) => matches(received))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(received);
    }
  }

  /** A call that has come, or the next that comes. */
  find(matches: (call: ReceivedCall) => boolean): Promise<ReceivedCall> {
    const found = this.kept.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  clear(): void {
    this.kept.length = 0;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  /**
   * Written before the call is answered, by a plain write to the end of the file: it survives a kill of either process,
   * though not a loss of power.
   */
  #append({ number, path, body, marker, text }: ReceivedCall): void {
    if (this.#file === undefined) return;
    const excerpt = text.slice(0, EXCERPT_LENGTH_MAX);
    const line = { number, at: Date.now(), path, model: body.model, stream: body.stream === true, marker, excerpt };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
