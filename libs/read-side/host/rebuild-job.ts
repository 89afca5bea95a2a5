import type { EventFeed } from '#event-feed';
import type { StoredEvent } from '#kernel';
import type { GenerationRef, Projection, ReadStore } from '#read-store';
import type { RebuildProgress } from '../port';
import type { Problem } from '../problems';
import { type BatchEvent, messageOf } from './decode-batch';
import { FolderSet } from './folder-set';
import { GenerationFolder } from './generation-folder';
import type { Mutex } from './mutex';
import { PROBLEMS_VIEW } from './problems-view';

/** What a rebuild needs of the host that runs it. */
export interface RebuildContext {
  readonly store: ReadStore;
  readonly feed: EventFeed;
  readonly decode: (stored: StoredEvent) => BatchEvent;
  /** Held while the live views are folded. */
  readonly mutex: Mutex;
  readonly live: FolderSet;
  /** Position of the record's last event. */
  readonly head: () => Promise<bigint>;
  readonly onProgress: (progress: RebuildProgress) => void;
  readonly onProblem: (problem: Problem) => void;
}

const PROGRESS_EVERY_MS = 500;
/** Keeps a comparison from holding up the live views. */
const COMPARED_DOCUMENTS_MAX = 5_000;
const END_OF_RECORD = 2n ** 63n - 1n;

class Stopped extends Error {}

/**
 * Builds views anew beside the live ones: folds history, is then fed along with the live views, is compared with them,
 * and takes their place in one step. Queries see the one or the other, never something half built.
 */
export class RebuildJob {
  #progress: RebuildProgress;
  #set: FolderSet;
  #stopped = false;
  #joined = false;
  #followFailure: Error | undefined;
  readonly #startedMs = performance.now();
  #reportedMs = Number.NEGATIVE_INFINITY;
  #folded = 0;

  constructor(
    private readonly context: RebuildContext,
    private readonly projections: readonly Projection[],
    reason: RebuildProgress['reason'],
  ) {
    this.#set = new FolderSet(context.store, []);
    this.#progress = {
      views: projections.map(({ view }) => view.name),
      reason,
      status: 'folding',
      position: 0n,
      target: 0n,
      share: 0,
      eventsPerSecond: 0,
    };
  }

  get progress(): RebuildProgress {
    return this.#progress;
  }

  /** Once it has caught up, it is fed what the live views are fed; within the mutex. Its failure is its own. */
  async follow(events: readonly BatchEvent[]): Promise<void> {
    if (!this.#joined) return;
    try {
      await this.#apply(events);
    } catch (error) {
      this.#joined = false;
      this.#followFailure = new Error('the views could not be fed along', { cause: error });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Ends with the status `switched` or `failed`; a failure leaves the live views as they are. */
  async run(): Promise<void> {
    try {
      const { store } = this.context;
      const folders: GenerationFolder[] = [];
      for (const projection of this.projections)
        folders.push(new GenerationFolder(store, projection, await store.createGeneration(projection.view)));
      this.#set = new FolderSet(store, folders);
      await this.#catchUp();
      this.#update({ status: 'comparing', share: 1 }, true);
      const differentDocuments = await this.#compare();
      await this.context.mutex.run(async () => {
        if (this.#followFailure !== undefined) throw this.#followFailure;
        if (this.#stopped) throw new Stopped();
        await store.switchTo(folders.map(({ generation }) => generation));
        this.context.live.adopt(folders);
        this.#joined = false;
      });
      this.#update({ status: 'switched', ...(differentDocuments === undefined ? {} : { differentDocuments }) }, true);
    } catch (error) {
      this.#joined = false;
      await this.#drop();
      if (!(error instanceof Stopped)) this.#update({ status: 'failed', error: messageOf(error) }, true);
    }
  }

  async #catchUp(): Promise<void> {
    const { live, mutex } = this.context;
    const target = await this.context.head();
    this.#update({ target }, true);
    const hasLive = live.folders.length > 0;
    // Most of the way while the live views go on; the rest while they wait, so that both stand at the same event.
    await this.#foldThrough(hasLive ? (live.checkpoint?.position ?? 0n) : END_OF_RECORD);
    if (!hasLive) return;
    await this.#foldThrough(live.checkpoint?.position ?? 0n);
    await mutex.run(async () => {
      await this.#foldThrough(live.checkpoint?.position ?? 0n);
      this.#joined = true;
    });
  }

  async #foldThrough(through: bigint): Promise<void> {
    const after = this.#set.checkpoint?.position ?? 0n;
    for await (const batch of this.context.feed.replay({ after, through })) {
      if (this.#stopped) throw new Stopped();
      await this.#apply(batch.events.map(this.context.decode));
    }
  }

  async #apply(events: readonly BatchEvent[]): Promise<void> {
    const problems = await this.#set.apply(events);
    const isFirst = this.projections.some(({ view }) => view.name === PROBLEMS_VIEW);
    // What no view could read was reported when it was first met.
    for (const problem of problems) if (isFirst || problem.kind === 'fold_failed') this.context.onProblem(problem);
    this.#folded += events.length;
    const position = this.#set.checkpoint?.position ?? 0n;
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const eventsPerSecond = seconds === 0 ? 0 : Math.round(this.#folded / seconds);
    const target = this.#progress.target > position ? this.#progress.target : position;
    const share = target === 0n ? 1 : Number((position * 10_000n) / target) / 10_000;
    const etaMs = share === 0 ? undefined : Math.round((seconds * 1_000 * (1 - share)) / share);
    this.#update({ position, target, share, eventsPerSecond, ...(etaMs === undefined ? {} : { etaMs }) }, false);
  }

  /** Documents that differ from the live ones; `undefined` where there is nothing to compare with. */
  async #compare(): Promise<number | undefined> {
    let different: number | undefined;
    for (const { generation, projection } of this.#set.folders) {
      const before = this.context.live.folders.find(({ generation: live }) => live.view === generation.view);
      if (before === undefined || before.generation.version !== generation.version) continue;
      for (const { schema } of projection.tables)
        different = (different ?? 0) + (await this.#compareTable(before.generation, generation, schema.name));
    }
    return different;
  }

  async #compareTable(left: GenerationRef, right: GenerationRef, table: string): Promise<number> {
    let different = 0;
    for (let after: string | undefined, done = false; !done; ) {
      if (this.#stopped) throw new Stopped();
      if (this.#followFailure !== undefined) throw this.#followFailure;
      const stretch = { table, documentsMax: COMPARED_DOCUMENTS_MAX, ...(after === undefined ? {} : { after }) };
      const compared = await this.context.mutex.run(() => this.context.store.compare(left, right, stretch));
      different += compared.different;
      after = compared.next;
      done = after === undefined;
    }
    return different;
  }

  async #drop(): Promise<void> {
    for (const { generation } of this.#set.folders)
      await this.context.store.dropGeneration(generation).catch((error: unknown) => {
        this.#update({ error: messageOf(error) }, true);
      });
  }

  #update(change: Partial<RebuildProgress>, always: boolean): void {
    this.#progress = { ...this.#progress, ...change };
    const now = performance.now();
    if (!always && now - this.#reportedMs < PROGRESS_EVERY_MS) return;
    this.#reportedMs = now;
    this.context.onProgress(this.#progress);
  }
}
