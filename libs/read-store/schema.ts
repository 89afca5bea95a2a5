/**
 * How a value is kept. `integer`: whole numbers up to 2^53. `bigint`: whole numbers of 64 bits, for money. `histogram`:
 * an encoded distribution (histogram.ts). Sums of integers and bigints are exact whatever their size.
 */
export type ColumnType = 'text' | 'integer' | 'bigint' | 'histogram';

/** `null`: the document has no value there. A histogram travels in its encoded form. */
export type ColumnValue = string | number | bigint | null;

export interface IndexSchema {
  readonly columns: readonly string[];
  /** Only documents with a value in this column are in the index: small, where few have one. */
  readonly presentOnly?: string;
}

export interface TableSchema {
  /** Unique within its view; a letter, then letters and digits. */
  readonly name: string;
  /** What documents are found, ordered and summed by; names are a letter, then letters and digits. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly indexes: readonly IndexSchema[];
  /**
   * Documents that agree in the first of these columns, and are near in the next, are read together: stores that can
   * keep them side by side. They have a value there, and never another one.
   */
  readonly clusterBy?: readonly string[];
}

/** One view: tables that are folded together, checkpointed together and rebuilt together. */
export interface ViewSchema {
  readonly name: string;
  /** Raised whenever the fold or the tables change: what an older program folded is then rebuilt. */
  readonly version: number;
  readonly tables: readonly TableSchema[];
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** What a document holds; everything that is not found, ordered or summed by is `rest`. */
export interface DocumentBody {
  /** What is left out has no value; a document that was loaded names every column. */
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly rest: JsonValue;
}

export interface Document extends DocumentBody {
  readonly id: string;
  /** Position of the newest event folded into it. */
  readonly position: bigint;
}
