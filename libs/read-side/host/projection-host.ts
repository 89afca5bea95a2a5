import { setTimeout } from 'node:timers/promises';
import type { EventFeed, FeedBatch, FeedConsumer } from '#event-feed';
import type { EventId, StoredEvent } from '#kernel';
import { QueryRefusedError } from '#projections/common';
import type { Checkpoint, Generation, Projection, ReadStore } from '#read-store';
import type { ReadSideReport, RebuildProgress } from '../port';
import type { Problem } from '../problems';
import { type BatchEvent, eventDecoder, messageOf } from './decode-batch';
import { FolderSet } from './folder-set';
import { GenerationFolder } from './generation-folder';
import { Mutex } from './mutex';
import { problemsProjection } from './problems-view';
import { type RebuildContext, RebuildJob } from './rebuild-job';

export interface ProjectionHostOptions {
  readonly store: ReadStore;
  readonly feed: EventFeed;
  readonly projections: readonly Projection[];
  readonly isKnown: (event: Pick<StoredEvent, 'stream' | 'type'>) => boolean;
  /** Position of the record's last event. */
  readonly head: () => Promise<bigint>;
  /** Id of the event at a position; `undefined` when there is none. */
  readonly eventIdAt: (position: bigint) => Promise<EventId | undefined>;
  readonly report: (report: ReadSideReport) => void;
  /** The live views have been written through this event. */
  readonly onLive: (checkpoint: Checkpoint | undefined) => void;
}

/** How many ended rebuilds are remembered. */
const PROGRESS_KEPT_MAX = 20;

/** The pause after a build that failed; it doubles up to the second value. */
const RETRY_MS = 500;
const RETRY_MS_MAX = 30_000;

/** Rebuilds that wait; more would only repeat the same views. */
const REBUILDS_WAITING_MAX = 20;

function pause(failures: number, signal: AbortSignal): Promise<void> {
  const pauseMs = Math.min(RETRY_MS * 2 ** failures, RETRY_MS_MAX);
  return setTimeout(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
}

/** Keeps all views up to date with the record, and rebuilds them. */
export class ProjectionHost {
  readonly #projections: readonly Projection[];
  readonly #decode: (stored: StoredEvent) => BatchEvent;
  readonly #mutex = new Mutex();
  readonly #live: FolderSet;
  #consumer: FeedConsumer | undefined;
  #job: RebuildJob | undefined;
  #jobs: Promise<unknown> = Promise.resolve();
  #jobsWaiting = 0;
  readonly #ended: RebuildProgress[] = [];
  /** Ends what belongs to the record as it was found at the start; a record that was restored begins another one. */
  #life = new AbortController();
  #isClosed = false;
  #startingOver: Promise<void> | undefined;

  constructor(private readonly options: ProjectionHostOptions) {
    this.#projections = [...options.projections, problemsProjection];
    this.#decode = eventDecoder({ projections: options.projections, isKnown: options.isKnown });
    this.#live = new FolderSet(options.store, []);
  }

  /**
   * Checks what is there against the record, and begins: at once with what is usable, and with building what is not.
   * The promise that it gives back ends when all views are live.
   */
  async start(): Promise<{ readonly ready: Promise<void> }> {
    const usable = await this.#usableGenerations();
    const missing = this.#projections.filter(({ view }) => usable.found.every((one) => one.view !== view.name));
    this.#live.adopt(
      this.#projections.flatMap((projection) => {
        const generation = usable.found.find(({ view }) => view === projection.view.name);
        return generation === undefined ? [] : [new GenerationFolder(this.options.store, projection, generation)];
      }),
    );
    if (this.#live.folders.length > 0) {
      this.#consume();
      this.options.onLive(this.#live.checkpoint);
    }
    return { ready: this.#build(missing, usable.reason) };
  }

  /** Builds views that have no live generation, and tries again until they have one. */
  async #build(projections: readonly Projection[], reason: RebuildProgress['reason']): Promise<void> {
    const { signal } = this.#life;
    for (let failures = 0; projections.length > 0 && !signal.aborted; failures += 1) {
      const { status } = await this.#enqueue(projections, reason);
      if (status === 'switched') break;
      await pause(failures, signal);
    }
    if (signal.aborted) return;
    if (this.#consumer === undefined) this.#consume();
    this.options.onLive(this.#live.checkpoint);
  }

  /** Puts building a view anew in line. @throws Error for an unknown view, QueryRefusedError when too many wait. */
  rebuild(view: string): void {
    const projection = this.#projections.find((one) => one.view.name === view);
    if (projection === undefined) {
      const names = this.#projections.map((one) => one.view.name).join(', ');
      throw new Error(`there is no view "${view}"; there are ${names}`);
    }
    if (this.#jobsWaiting >= REBUILDS_WAITING_MAX)
      throw new QueryRefusedError('queries_too_many', 'Too many rebuilds are waiting; try again later.');
    void this.#enqueue([projection], 'requested');
  }

  progress(): readonly RebuildProgress[] {
    return [...this.#ended, ...(this.#job === undefined ? [] : [this.#job.progress])];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#life.abort();
    await this.#startingOver;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    this.#life.abort();
    this.#job?.stop();
    await this.#consumer?.close();
    this.#consumer = undefined;
    await this.#jobs;
    await this.#mutex.run(async () => undefined);
  }

  /** A record that cannot be read on may have been restored to an older state while this process ran. */
  #onFeedError(error: Error): void {
    this.options.report({ type: 'error', message: messageOf(error) });
    if (this.#isClosed) return;
    this.#startingOver ??= this.#startOverIfRestored().finally(() => {
      this.#startingOver = undefined;
    });
  }

  async #startOverIfRestored(): Promise<void> {
    try {
      if ((await this.#missingCheckpoint(this.#live.folders)) === undefined) return;
    } catch {
      // The record does not answer, so nobody can tell; the consumer goes on trying, and this is asked again.
      return;
    }
    await this.#stop();
    this.#live.clear();
    this.options.onLive(undefined);
    for (let failures = 0; !this.#isClosed; failures += 1) {
      this.#life = new AbortController();
      try {
        await this.start();
        return;
      } catch (error) {
        this.options.report({ type: 'error', message: messageOf(error) });
        await pause(failures, this.#life.signal);
      }
    }
  }

  /** Live generations of today's versions, of the record as it is. Everything else is dropped. */
  async #usableGenerations(): Promise<{
    readonly found: readonly Generation[];
    readonly reason: RebuildProgress['reason'];
  }> {
    const { store } = this.options;
    const generations = await store.generations();
    const live = generations.filter(({ status }) => status === 'live');
    const current = live.filter(({ view, version }) =>
      this.#projections.some((one) => one.view.name === view && one.view.version === version),
    );
    const isSame = await this.#isSameRecord(current);
    // Generations that stand at different events were not written by one host: fold them together again.
    const together = new Set(current.map(({ checkpoint }) => checkpoint?.position)).size <= 1;
    const found = isSame && together ? current : [];
    for (const generation of generations) if (!found.includes(generation)) await store.dropGeneration(generation);
    const reason = !isSame ? 'record-restored' : live.length === 0 ? 'first-start' : 'new-version';
    return { found, reason };
  }

  async #isSameRecord(generations: readonly Generation[]): Promise<boolean> {
    const missing = await this.#missingCheckpoint(generations);
    if (missing === undefined) return true;
    const { position, eventId } = missing;
    this.options.report({
      type: 'record-restored',
      position,
      message: `The record was restored to an older state: it no longer holds event ${eventId} at position ${position}. All views are built anew.`,
    });
    return false;
  }

  /** The first checkpoint whose event the record does not hold. */
  async #missingCheckpoint(
    folded: readonly { readonly checkpoint?: Checkpoint | undefined }[],
  ): Promise<Checkpoint | undefined> {
    for (const { checkpoint } of folded)
      if (checkpoint !== undefined && (await this.options.eventIdAt(checkpoint.position)) !== checkpoint.eventId)
        return checkpoint;
    return undefined;
  }

  #consume(): void {
    this.#consumer = this.options.feed.consume({
      checkpoint: async () => this.#live.checkpoint?.position ?? 0n,
      onBatch: (batch) => this.#onBatch(batch),
      onError: (error) => this.#onFeedError(error),
    });
  }

  async #onBatch(batch: FeedBatch): Promise<void> {
    if (batch.events.length === 0) return;
    const events = batch.events.map(this.#decode);
    await this.#mutex.run(async () => {
      const problems = await this.#applyLive(events);
      for (const problem of problems) this.options.report({ type: 'problem', problem });
      await this.#job?.follow(events);
    });
  }

  /** Tells how far the views are, also where a commit was written and only its answer was lost: nothing may follow it. */
  async #applyLive(events: readonly BatchEvent[]): Promise<readonly Problem[]> {
    try {
      return await this.#live.apply(events);
    } finally {
      const { checkpoint } = this.#live;
      if (checkpoint !== undefined) this.options.onLive(checkpoint);
    }
  }

  #enqueue(projections: readonly Projection[], reason: RebuildProgress['reason']): Promise<RebuildProgress> {
    this.#jobsWaiting += 1;
    const { signal } = this.#life;
    const run = this.#jobs.then(async () => {
      this.#jobsWaiting -= 1;
      const job = new RebuildJob(this.#context(), projections, reason);
      this.#job = job;
      if (!signal.aborted) await job.run();
      this.#job = undefined;
      this.#ended.push(job.progress);
      if (this.#ended.length > PROGRESS_KEPT_MAX) this.#ended.shift();
      return job.progress;
    });
    this.#jobs = run;
    return run;
  }

  #context(): RebuildContext {
    const { store, feed, head, report } = this.options;
    return {
      store,
      feed,
      head,
      decode: this.#decode,
      mutex: this.#mutex,
      live: this.#live,
      onProgress: (progress) => report({ type: 'rebuild', progress }),
      onProblem: (problem) => report({ type: 'problem', problem }),
    };
  }
}
