import type { ColumnValue, Document } from './schema';

/** The most documents of one page. */
export const FIND_LIMIT_MAX = 10_000;
/** The most groups that an aggregate may come to: more is refused, whatever the limit. */
export const AGGREGATE_GROUPS_MAX = 100_000;

/** What a column must be. A document without a value meets only `present: false`. */
export type Condition =
  | { readonly eq: string | number | bigint }
  | { readonly in: readonly (string | number | bigint)[] }
  | { readonly from?: number | bigint | string; readonly before?: number | bigint | string }
  | { readonly present: boolean };

/** All conditions hold. Keys are columns. */
export type Where = Readonly<Record<string, Condition>>;

export type Direction = 'ascending' | 'descending';

/** Where a page ended: the next one begins behind it, whatever was written meanwhile. */
export interface FindCursor {
  readonly value: string | number | bigint;
  readonly id: string;
}

export interface FindQuery {
  readonly where: Where;
  /** Documents without a value in this column are left out; equal ones are ordered by id. */
  readonly orderBy: { readonly column: string; readonly direction: Direction };
  readonly limit: number;
  readonly after?: FindCursor;
}

export interface FoundPage {
  readonly documents: readonly Document[];
  /** Absent when nothing follows. */
  readonly next?: FindCursor;
}

export type Measure =
  | { readonly count: true }
  | { readonly sum: string }
  | { readonly min: string }
  | { readonly max: string }
  /** Adds histograms up. */
  | { readonly merge: string };

/** A half-open stretch of an integer column; several may carry one label and are then one group. */
export interface Range {
  readonly from: number;
  readonly before: number;
  readonly label: number;
}

export interface AggregateQuery {
  readonly where: Where;
  /**
   * Groups by stretches of one integer column, such as local days; what lies in none of them is left out. Stretches do
   * not overlap.
   */
  readonly ranges?: {
    readonly column: string;
    readonly of: readonly Range[];
    /** What all values of the column are multiples of, where that is known: helps a store to choose how it reads. */
    readonly step?: number;
  };
  readonly groupBy: readonly string[];
  readonly measures: Readonly<Record<string, Measure>>;
  /** By a measure's name; equal groups, and all of them by default, are ordered by range label, then by their keys. */
  readonly orderBy?: { readonly measure: string; readonly direction: Direction };
  readonly limit?: number;
}

/** At least one document is in every group. A count or a sum is a bigint; `null` is the smallest of nothing. Histograms are encoded. */
export interface AggregatedGroup {
  /** The label, where ranges were asked for. */
  readonly range?: number;
  readonly keys: Readonly<Record<string, ColumnValue>>;
  readonly measures: Readonly<Record<string, ColumnValue>>;
}
