import type { QueryRefusalCode } from '#projections/common';
import type { ReadSideReport, RebuildProgress } from './port';
import type { QueryName } from './queries';
import type { RecordSource } from './record-source';
import type { FieldNames } from './render';

/** What a worker is started with. */
export type WorkerRole =
  | { readonly role: 'projector'; readonly path: string; readonly record: RecordSource }
  | { readonly role: 'query'; readonly path: string };

export type WorkerRequest =
  | { readonly type: 'poke' }
  | { readonly type: 'query'; readonly id: number; readonly name: QueryName; readonly params: unknown }
  /** Answered with bytes, which are handed over, not copied. */
  | {
      readonly type: 'query-json';
      readonly id: number;
      readonly name: QueryName;
      readonly params: unknown;
      readonly names: FieldNames;
    }
  | { readonly type: 'rebuild'; readonly id: number; readonly view: string }
  | { readonly type: 'close' };

export type WorkerFailure =
  | { readonly kind: 'refused'; readonly code: QueryRefusalCode; readonly message: string }
  | { readonly kind: 'error'; readonly message: string };

export type WorkerMessage =
  /** Ready for requests. */
  | { readonly type: 'opened'; readonly recreated: boolean; readonly progress: readonly RebuildProgress[] }
  | { readonly type: 'live'; readonly position: bigint }
  | { readonly type: 'report'; readonly report: ReadSideReport; readonly progress: readonly RebuildProgress[] }
  | { readonly type: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly failure: WorkerFailure };
