import type { Watermark } from '#projections/common';
import type { Problem } from './problems';
import type { QueryAnswer, QueryName, QueryParams } from './queries';
import type { RecordReader, RecordSource } from './record-source';
import type { FieldNames } from './render';

/** How a rebuild gets on. */
export interface RebuildProgress {
  readonly views: readonly string[];
  readonly reason: 'first-start' | 'new-version' | 'record-restored' | 'requested';
  readonly status: 'folding' | 'comparing' | 'switched' | 'failed';
  readonly position: bigint;
  readonly target: bigint;
  /** 0 to 1. */
  readonly share: number;
  readonly eventsPerSecond: number;
  /** Until the switch, at the present rate; absent while nobody can tell. */
  readonly etaMs?: number;
  /** Documents that differ from those of the generation before; absent where there was none to compare with. */
  readonly differentDocuments?: number;
  readonly error?: string;
}

/** What operators should hear of. */
export type ReadSideReport =
  | { readonly type: 'problem'; readonly problem: Problem }
  | { readonly type: 'record-restored'; readonly position: bigint; readonly message: string }
  | { readonly type: 'rebuild'; readonly progress: RebuildProgress }
  | { readonly type: 'error'; readonly message: string }
  | {
      readonly type: 'worker-crashed';
      readonly worker: string;
      readonly message: string;
      readonly restartInMs: number;
    };

export interface ReadSideOptions {
  /** The platform's data directory; the views are kept in `<dataDir>/read`. */
  readonly dataDir: string;
  readonly record: RecordSource;
  /** Default: `threads` where compiled worker code lies beside this module, else `in-process`. */
  readonly execution?: 'threads' | 'in-process';
  /** An open record to read instead, in this thread only. */
  readonly reader?: RecordReader;
  /** Default 1. */
  readonly queryWorkers?: number;
  readonly report?: (report: ReadSideReport) => void;
}

export interface QueryOptions {
  /** Waits (at most 2 s) until the views have reached this position; answers what is there when they have not. */
  readonly atLeast?: bigint;
}

export interface ReadSideClient {
  /** @throws QueryRefusedError */
  query<N extends QueryName>(name: N, params: QueryParams<N>, options?: QueryOptions): Promise<QueryAnswer<N>>;
  /**
   * The answer as JSON in UTF-8, made in the thread that found it: copying and rendering a year of hours would hold up
   * every call on the main thread for some 50 ms. @throws QueryRefusedError
   */
  queryJson<N extends QueryName>(name: N, params: QueryParams<N>, names?: FieldNames): Promise<Uint8Array>;
  /** Whether the views have reached a position within the time, which is cut to 2 s. */
  waitFor(position: bigint, timeoutMs?: number): Promise<boolean>;
  /** Says that the record has reached a position. Cheap: calls are coalesced. */
  poke(position: bigint): void;
  watermark(): Promise<Watermark>;
  /** Builds a view anew beside the live one and switches; resolves once it has begun. Watch `progress`. */
  rebuild(view: string): Promise<void>;
  /** The newest rebuilds, running or ended. */
  progress(): readonly RebuildProgress[];
  close(): Promise<void>;
}
