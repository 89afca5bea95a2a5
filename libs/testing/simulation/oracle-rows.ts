import type { EpochMs } from '#kernel';
import type { LedgerEventOf } from '#ledger';

export type Authorized = LedgerEventOf<'InferenceAuthorized'>['data'];

export type Phase = 'open' | 'completed' | 'failed' | 'released' | 'unresolved' | 'resolved' | 'resolved-and-settled';

export interface CallRow {
  readonly call: Authorized;
  readonly at: EpochMs;
  phase: Phase;
  /** What the record says that it was charged; the whole hold while nobody knows. */
  charged: bigint;
  /** Since when nobody knows its cost. */
  since?: number;
  counted?: { readonly cost: bigint; readonly tokens: bigint };
  resolution?: { readonly cost: bigint; readonly tokens: bigint };
}
