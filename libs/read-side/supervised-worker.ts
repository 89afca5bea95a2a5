import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { QueryRefusedError } from '#projections/common';
import type { WorkerFailure, WorkerMessage, WorkerRequest, WorkerRole } from './protocol';

/** The compiled entry; it lies beside this module only where this module is compiled too. */
export const WORKER_ENTRY = join(__dirname, 'worker-entry.js');

const RESTART_MS = 100;
const RESTART_MS_MAX = 10_000;
/** A worker that lived so long is not held to fail at once again. */
const STABLE_MS = 60_000;
const CLOSE_MS_MAX = 10_000;
/** A worker that answers nothing for so long ends: SQLite cannot be asked to stop from outside its thread. */
export const REQUEST_MS_MAX = 60_000;
/** Folding makes much short-lived garbage; with room for it, collecting it costs a fifth less. */
const YOUNG_GENERATION_MB = 64;
/** Requests that wait for one worker. */
const REQUESTS_WAITING_MAX = 200;

export interface SupervisedWorkerOptions {
  readonly role: WorkerRole;
  readonly onMessage: (message: Extract<WorkerMessage, { type: 'live' | 'report' | 'opened' }>) => void;
  readonly onCrash: (message: string, restartInMs: number) => void;
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

function errorOf(failure: WorkerFailure): Error {
  return failure.kind === 'refused'
    ? new QueryRefusedError(failure.code, failure.message)
    : new Error(`a worker of the read side failed: ${failure.message}`);
}

/** One worker thread, started again when it ends, with requests that always get an answer. */
export class SupervisedWorker {
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #failures = 0;
  #startedMs = 0;
  #nextId = 1;
  #closing = false;
  #lastError: Error | undefined;
  readonly #pending = new Map<number, Pending>();
  #opened: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(private readonly options: SupervisedWorkerOptions) {}

  /** Resolves once the worker is ready; rejects when its first start fails. */
  open(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject };
      this.#start();
    });
  }

  /** How many requests wait for an answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  tell(message: Extract<WorkerRequest, { type: 'poke' }>): void {
    this.#worker?.postMessage(message);
  }

  ask(request: { readonly type: 'query' | 'query-json' | 'rebuild' } & Record<string, unknown>): Promise<unknown> {
    if (this.#worker === undefined)
      return Promise.reject(
        new QueryRefusedError('query_interrupted', 'The read side is starting; try again in a moment.'),
      );
    if (this.#pending.size >= REQUESTS_WAITING_MAX)
      return Promise.reject(
        new QueryRefusedError('queries_too_many', 'Too many queries are waiting; try again in a moment.'),
      );
    const id = this.#nextId;
    this.#nextId += 1;
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      if (this.#pending.size === 1) this.#watch();
      worker.postMessage({ ...request, id });
    });
  }

  /** Ends the thread; another one takes its place. */
  restart(): void {
    void this.#worker?.terminate();
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    worker.postMessage({ type: 'close' } satisfies WorkerRequest);
    const timer = setTimeout(() => void worker.terminate(), CLOSE_MS_MAX);
    await ended;
    clearTimeout(timer);
  }

  #start(): void {
    this.#startedMs = performance.now();
    this.#lastError = undefined;
    const worker = new Worker(WORKER_ENTRY, {
      workerData: this.options.role,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    this.#worker = worker;
    worker.on('message', (message: WorkerMessage) => this.#onMessage(message));
    worker.on('error', (error) => {
      this.#lastError = error;
    });
    worker.on('exit', (code) => this.#onExit(code));
  }

  #onMessage(message: WorkerMessage): void {
    switch (message.type) {
      case 'answer':
        this.#take(message.id)?.resolve(message.answer);
        return;
      case 'failure':
        this.#take(message.id)?.reject(errorOf(message.failure));
        return;
      case 'opened':
        this.#opened?.resolve();
        this.#opened = undefined;
        this.options.onMessage(message);
        return;
      default:
        this.options.onMessage(message);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#watch();
    return pending;
  }

  /** Requests are worked off one after the other: each gets its time from the answer before, however long it waited. */
  #watch(): void {
    clearTimeout(this.#overdue);
    if (this.#pending.size === 0) return;
    this.#overdue = setTimeout(() => this.restart(), REQUEST_MS_MAX);
    this.#overdue.unref();
  }

  #onExit(code: number): void {
    this.#worker = undefined;
    for (const id of [...this.#pending.keys()])
      this.#take(id)?.reject(
        new QueryRefusedError(
          'query_interrupted',
          'The query was interrupted or took too long; ask for less, or try again.',
        ),
      );
    if (this.#closing) return;
    const reason = this.#lastError?.message ?? `the worker ended with code ${code}`;
    if (this.#opened !== undefined) {
      this.#opened.reject(new Error(`the read side cannot start: ${reason}`, { cause: this.#lastError }));
      this.#opened = undefined;
      return;
    }
    if (performance.now() - this.#startedMs > STABLE_MS) this.#failures = 0;
    const restartInMs = Math.min(RESTART_MS * 2 ** this.#failures, RESTART_MS_MAX);
    this.#failures += 1;
    this.options.onCrash(reason, restartInMs);
    this.#restart = setTimeout(() => this.#start(), restartInMs);
    this.#restart.unref();
  }
}
