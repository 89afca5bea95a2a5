import { QueryRefusedError } from '#projections/common';
import { type ReadStore, ReadStoreBusyError, ViewNotReadyError } from '#read-store';
import { SqliteReadStore } from '#read-store/sqlite';
import { answer } from './handlers';
import type { QueryAnswer, QueryName, QueryParams } from './queries';
import { type FieldNames, rendered } from './render';

/** Answers questions in the thread that it lives in. */
export class QueryRunner {
  private constructor(private readonly store: ReadStore) {}

  /** The file must have been made by a projector. */
  static open(path: string): QueryRunner {
    return new QueryRunner(SqliteReadStore.openReader(path));
  }

  /** @throws QueryRefusedError */
  async run<N extends QueryName>(name: N, params: QueryParams<N>): Promise<QueryAnswer<N>> {
    try {
      return await this.store.snapshot((snapshot) => answer(snapshot, name, params));
    } catch (error) {
      if (error instanceof ViewNotReadyError)
        throw new QueryRefusedError('view_building', `The view "${error.view}" is being built; try again in a moment.`);
      if (error instanceof ReadStoreBusyError)
        throw new QueryRefusedError('queries_too_many', 'Too many queries are waiting; try again in a moment.');
      throw error;
    }
  }

  /** @throws QueryRefusedError */
  async json<N extends QueryName>(
    name: N,
    params: QueryParams<N>,
    names?: FieldNames,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return rendered(await this.run(name, params), names);
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
