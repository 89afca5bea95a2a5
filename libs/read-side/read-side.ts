import { join } from 'node:path';
import type { Watermark } from '#projections/common';
import { type Engine, openEngine } from './engine';
import type { QueryOptions, ReadSideClient, ReadSideOptions, RebuildProgress } from './port';
import type { QueryAnswer, QueryName, QueryParams } from './queries';
import type { FieldNames } from './render';

/** The longest that a reader waits for its own write. */
export const WAIT_MS_MAX = 2_000;
/** Readers that wait at the same time; more are told at once that the views are behind. */
const WAITERS_MAX = 10_000;
/**
 * How long the record may grow before the views are told, while nobody waits for them: waking another thread for every
 * event costs the calls more than the views gain, and larger batches fold cheaper.
 */
const POKE_MS = 200;
const VIEWS_FILE = 'views.sqlite';

interface Waiter {
  readonly position: bigint;
  readonly done: (reached: boolean) => void;
}

/** The read side as the main thread sees it: nothing here folds or queries. */
export class ReadSide implements ReadSideClient {
  #engine: Engine | undefined;
  #live: bigint | undefined;
  #nextPoke: NodeJS.Timeout | undefined;
  #progress: readonly RebuildProgress[] = [];
  readonly #waiters = new Set<Waiter>();

  private constructor() {}

  /**
   * Opens the views of a data directory, made anew where they are missing or do not fit the record; a long first build
   * goes on in the background. @throws Error when the read side cannot start
   */
  static async open(options: ReadSideOptions): Promise<ReadSide> {
    const readSide = new ReadSide();
    readSide.#engine = await openEngine(join(options.dataDir, 'read', VIEWS_FILE), options, {
      onLive: (position) => readSide.#onLive(position),
      onProgress: (progress) => {
        readSide.#progress = progress;
      },
      onReport: (report) => options.report?.(report),
    });
    return readSide;
  }

  async query<N extends QueryName>(
    name: N,
    params: QueryParams<N>,
    { atLeast }: QueryOptions = {},
  ): Promise<QueryAnswer<N>> {
    if (atLeast !== undefined) await this.waitFor(atLeast);
    return this.#opened().query(name, params);
  }

  async queryJson<N extends QueryName>(name: N, params: QueryParams<N>, names: FieldNames = {}): Promise<Uint8Array> {
    return this.#opened().queryJson(name, params, names);
  }

  waitFor(position: bigint, timeoutMs: number = WAIT_MS_MAX): Promise<boolean> {
    if (this.#live !== undefined && this.#live >= position) return Promise.resolve(true);
    if (this.#waiters.size >= WAITERS_MAX) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        position,
        done: (reached) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(reached);
        },
      };
      const timer = setTimeout(() => waiter.done(false), Math.min(timeoutMs, WAIT_MS_MAX));
      this.#waiters.add(waiter);
      this.#pokeNow();
    });
  }

  poke(position: bigint): void {
    if (this.#live !== undefined && this.#live >= position) return;
    if (this.#waiters.size > 0) this.#pokeNow();
    else this.#nextPoke ??= setTimeout(() => this.#pokeNow(), POKE_MS).unref();
  }

  watermark(): Promise<Watermark> {
    return this.query('watermark', {});
  }

  async rebuild(view: string): Promise<void> {
    await this.#opened().rebuild(view);
  }

  progress(): readonly RebuildProgress[] {
    return this.#progress;
  }

  async close(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    clearTimeout(this.#nextPoke);
    for (const waiter of [...this.#waiters]) waiter.done(false);
    await engine?.close();
  }

  #pokeNow(): void {
    clearTimeout(this.#nextPoke);
    this.#nextPoke = undefined;
    this.#engine?.poke();
  }

  #onLive(position: bigint): void {
    this.#live = position;
    for (const waiter of [...this.#waiters]) if (waiter.position <= position) waiter.done(true);
  }

  #opened(): Engine {
    if (this.#engine === undefined) throw new Error('the read side is closed');
    return this.#engine;
  }
}
