export type QueryRefusalCode =
  /** `from` is not before `to`, or the range holds too many buckets. */
  | 'range_invalid'
  | 'time_zone_unknown'
  | 'limit_invalid'
  | 'cursor_invalid'
  /** The answer would have more rows than REPORT_ROWS_MAX. */
  | 'answer_too_large'
  /** The view is being built for the first time or after the record changed; its progress says how long. */
  | 'view_building'
  /** More queries are waiting than the query workers take. */
  | 'queries_too_many'
  /** The query worker ended while it worked on this query. */
  | 'query_interrupted';

/** What passes by itself; everything else is the question's fault. */
const PASSING: ReadonlySet<QueryRefusalCode> = new Set(['view_building', 'queries_too_many', 'query_interrupted']);

/** A question that is not answered, with a sentence that says what to do; never a bug. */
export class QueryRefusedError extends Error {
  override readonly name = 'QueryRefusedError';
  constructor(
    readonly code: QueryRefusalCode,
    message: string,
  ) {
    super(message);
  }

  /** Whether the same question may be answered in a moment. */
  get passes(): boolean {
    return PASSING.has(this.code);
  }
}
