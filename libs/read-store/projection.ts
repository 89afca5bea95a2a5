import type { DecodedEvent, DomainEvent, EventCodec } from '#kernel';
import type { Document, DocumentBody, TableSchema, ViewSchema } from './schema';

/** Documents of one kind: their domain type, and how it is kept. */
export interface Table<T> {
  readonly schema: TableSchema;
  encode(doc: T): DocumentBody;
  decode(stored: Document): T;
}

export interface DocumentRef {
  readonly table: Table<unknown>;
  readonly id: string;
}

/** Documents as they are before an event; only those that were named in `touches` can be asked for. */
export interface Documents {
  get<T>(table: Table<T>, id: string): T | undefined;
}

/** A document as it is after an event; without `doc` it no longer exists. */
export interface Change extends DocumentRef {
  readonly doc?: unknown;
}

export function put<T>(table: Table<T>, id: string, doc: T): Change {
  return { table, id, doc };
}

export function remove<T>(table: Table<T>, id: string): Change {
  return { table, id };
}

/** Streams of one context and how their events are read. */
export interface EventSource<E extends DomainEvent> {
  readonly streamPrefix: string;
  readonly codec: EventCodec<E>;
}

/** What a view makes of one context's events. Pure: the same events give the same documents, always. */
export interface Fold<E extends DomainEvent> {
  readonly source: EventSource<E>;
  /** Types that change something; others are not even decoded. */
  readonly types: ReadonlySet<E['type']>;
  /**
   * The documents that `evolve` will ask for. Called again with what it named before, so that one document may lead to
   * another.
   */
  touches(event: DecodedEvent<E>, documents: Documents): readonly DocumentRef[];
  evolve(event: DecodedEvent<E>, documents: Documents): readonly Change[];
}

/** A view and its folds; documents of a view are fed by events of one partition key only. */
export interface Projection {
  readonly view: ViewSchema;
  readonly tables: readonly Table<unknown>[];
  readonly folds: readonly Fold<DomainEvent>[];
}

/** Makes a projection out of folds over different contexts. */
export function projection(
  name: string,
  version: number,
  tables: readonly Table<unknown>[],
  folds: readonly Fold<DomainEvent>[],
): Projection {
  return { view: { name, version, tables: tables.map(({ schema }) => schema) }, tables, folds };
}
