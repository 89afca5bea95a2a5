import type { BudgetId, EpochMs, OrganizationId } from '#kernel';
import type { BudgetMode, BudgetPeriod, BudgetScope, BudgetUnit } from '#ledger';
import type { Watermarked } from '../common';

/** What one event changed; amounts are in the budget's unit. */
export type BudgetHistoryEntry =
  | {
      readonly what: 'defined' | 'changed';
      readonly at: EpochMs;
      readonly actor: string;
      readonly name: string;
      readonly limit: bigint;
      readonly mode: BudgetMode;
      readonly thresholds: readonly number[];
    }
  | { readonly what: 'ended'; readonly at: EpochMs; readonly actor: string };

/** A period that at least one call opened. */
export interface BudgetPeriodRecord {
  readonly from: EpochMs;
  /** Exclusive; absent when it never ends. */
  readonly to?: EpochMs;
  /** The limit in force, or at the period's end. */
  readonly limit: bigint;
  readonly settled: bigint;
  readonly held: bigint;
  readonly unresolved: bigint;
  readonly thresholdsReached: readonly { readonly threshold: number; readonly at: EpochMs; readonly spent: bigint }[];
  /** When a call first went beyond a limit that does not block. */
  readonly exceeded: readonly { readonly at: EpochMs; readonly used: bigint; readonly limit: bigint }[];
}

export interface BudgetRecord {
  readonly budgetId: BudgetId;
  readonly orgId: OrganizationId;
  readonly name: string;
  readonly scope: BudgetScope;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  readonly mode: BudgetMode;
  readonly limit: bigint;
  readonly thresholds: readonly number[];
  readonly timeZone: string;
  readonly countedSince: EpochMs;
  readonly ended: boolean;
  /** Oldest first; past HISTORY_ENTRIES_MAX the oldest are left out, and counted here. */
  readonly history: readonly BudgetHistoryEntry[];
  readonly historyEntriesLeftOut: number;
}

export interface BudgetHistoryParams {
  readonly orgId: OrganizationId;
  readonly budgetId: BudgetId;
  /** Of the newest periods. Default 36, at most 1,000. */
  readonly periodsMax?: number;
  /** `next` of the page before. */
  readonly after?: string;
}
export interface BudgetHistory extends Watermarked {
  /** `null`: unknown, or of another organization. */
  readonly budget: BudgetRecord | null;
  /** Newest first. */
  readonly periods: readonly BudgetPeriodRecord[];
  /** `null`: there are no older ones. */
  readonly next: string | null;
}
