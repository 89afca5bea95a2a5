import type { EpochMs, EventId } from '#kernel';
import type { AggregatedGroup, AggregateQuery, FindQuery, FoundPage } from './query';
import type { Document, ViewSchema } from './schema';

/** How far a generation has been folded; the event's id tells whether the record is still the same one. */
export interface Checkpoint {
  readonly position: bigint;
  readonly eventId: EventId;
  /** When that event happened. */
  readonly at: EpochMs;
}

/** One complete copy of a view's tables. At most one generation of a view is live; only that one is queried. */
export interface Generation {
  readonly view: string;
  /** Counts up from 1 per view. */
  readonly number: number;
  /** The view's version that folds it. */
  readonly version: number;
  readonly status: 'building' | 'live';
  /** Absent before the first event. */
  readonly checkpoint?: Checkpoint;
}
export type GenerationRef = Pick<Generation, 'view' | 'number'>;

export interface TableChanges {
  readonly table: string;
  readonly saved: readonly Document[];
  /** Documents that no longer exist, with the position of the event that ended them. */
  readonly deleted: readonly Pick<Document, 'id' | 'position'>[];
}

export interface GenerationCommit {
  readonly generation: GenerationRef;
  /** What the writer believes the checkpoint to be. */
  readonly expected: Checkpoint | undefined;
  readonly checkpoint: Checkpoint;
  readonly changes: readonly TableChanges[];
}

/** Another writer has moved the checkpoint, or the generation is gone; nothing of the commit was written. */
export class StaleCheckpointError extends Error {
  override readonly name = 'StaleCheckpointError';
}

/** The view has no live generation yet. */
export class ViewNotReadyError extends Error {
  override readonly name = 'ViewNotReadyError';
  constructor(readonly view: string) {
    super(`the view ${view} is being built`);
  }
}

/** A query, a document or a schema that no store could take: a bug of the caller. */
export class InvalidReadStoreUseError extends Error {
  override readonly name = 'InvalidReadStoreUseError';
}

export class ReadStoreClosedError extends Error {
  override readonly name = 'ReadStoreClosedError';
}

/** Too many reads are waiting; try again in a moment. */
export class ReadStoreBusyError extends Error {
  override readonly name = 'ReadStoreBusyError';
}

/** An aggregate comes to more groups than AGGREGATE_GROUPS_MAX. */
export class TooManyGroupsError extends Error {
  override readonly name = 'TooManyGroupsError';
}

/** A stretch of one table, by id. */
export interface ComparedStretch {
  readonly table: string;
  /** Exclusive; absent for the first stretch. */
  readonly after?: string;
  readonly documentsMax: number;
}
export interface Comparison {
  /** Documents that were compared. */
  readonly documents: number;
  /** Documents that are in only one of the two, or differ. */
  readonly different: number;
  /** Where the next stretch begins after; absent when the table is done. */
  readonly next?: string;
}

/** Reads of live generations that all see one and the same state. @throws ViewNotReadyError */
export interface ReadSnapshot {
  /** The live generation of a view. */
  live(view: string): Promise<Generation | undefined>;
  /** Those documents that exist, in no particular order. */
  load(view: string, table: string, ids: readonly string[]): Promise<readonly Document[]>;
  find(view: string, table: string, query: FindQuery): Promise<FoundPage>;
  aggregate(view: string, table: string, query: AggregateQuery): Promise<readonly AggregatedGroup[]>;
}

/**
 * Where views are kept. Guarantees of every adapter, proved by the contract suite: a commit is all or nothing, its
 * documents and its checkpoints together; a document is never replaced by an older one; a snapshot sees the state of one
 * moment; a switch of generations is atomic.
 */
export interface ReadStore {
  /** Reads one state; snapshots may run while commits happen. */
  snapshot<T>(read: (snapshot: ReadSnapshot) => Promise<T>): Promise<T>;
  generations(): Promise<readonly Generation[]>;
  /** Makes a new, empty generation of a view, with the status `building`. */
  createGeneration(view: ViewSchema): Promise<Generation>;
  /** Documents of one generation, live or not; for the one that folds it. */
  loadFrom(generation: GenerationRef, table: string, ids: readonly string[]): Promise<readonly Document[]>;
  /** Writes all or nothing. @throws StaleCheckpointError */
  commit(commits: readonly GenerationCommit[]): Promise<void>;
  /**
   * Compares two generations of one view and version, document by document, positions included; in stretches, so that
   * it never blocks for long. Means something while both have the same checkpoint.
   */
  compare(left: GenerationRef, right: GenerationRef, stretch: ComparedStretch): Promise<Comparison>;
  /** Makes generations live, all at once; those that were live before are dropped. */
  switchTo(generations: readonly GenerationRef[]): Promise<void>;
  dropGeneration(generation: GenerationRef): Promise<void>;
  close(): Promise<void>;
}
