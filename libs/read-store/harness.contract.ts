import { composeEventId, epochMs } from '#kernel';
import type { Checkpoint, Generation, GenerationRef, ReadStore } from './port';
import type { ColumnValue, Document, JsonValue, ViewSchema } from './schema';

export interface ReadStoreFixture {
  readonly store: ReadStore;
  /** Closes the store and opens the same data again; absent where nothing outlives the store. */
  reopen?(): Promise<ReadStore>;
  /** Called after the store was closed. */
  dispose?(): Promise<void>;
}
export type MakeReadStore = () => Promise<ReadStoreFixture>;

export const SALES: ViewSchema = {
  name: 'sales-view',
  version: 1,
  tables: [
    {
      name: 'sales',
      columns: { shop: 'text', at: 'integer', amount: 'bigint', items: 'integer', waits: 'histogram' },
      indexes: [{ columns: ['shop', 'at'] }, { columns: ['at'], presentOnly: 'items' }],
    },
    { name: 'shops', columns: { city: 'text', rank: 'integer' }, indexes: [], clusterBy: ['city', 'rank'] },
  ],
};

export function checkpointAt(position: number | bigint): Checkpoint {
  const at = epochMs(1_767_225_600_000 + Number(position));
  return { position: BigInt(position), eventId: composeEventId(at, new Uint8Array(10)), at };
}

export function sale(
  id: string,
  columns: Readonly<Record<string, ColumnValue>> = {},
  position = 1n,
  rest: JsonValue = {},
): Document {
  return { id, position, columns: { shop: null, at: null, amount: null, items: null, waits: null, ...columns }, rest };
}

/** A store, and the few steps that most tests share. */
export class ReadStoreUnderTest {
  #store: ReadStore;

  constructor(readonly fixture: ReadStoreFixture) {
    this.#store = fixture.store;
  }

  get store(): ReadStore {
    return this.#store;
  }

  async reopen(): Promise<void> {
    if (this.fixture.reopen !== undefined) this.#store = await this.fixture.reopen();
  }

  async dispose(): Promise<void> {
    await this.store.close();
    await this.fixture.dispose?.();
  }

  /** Writes sales at the next position. */
  async write(generation: GenerationRef, saved: readonly Document[], deleted: readonly Document[] = []): Promise<void> {
    const known = (await this.store.generations()).find(
      ({ view, number }) => view === generation.view && number === generation.number,
    );
    const expected = known?.checkpoint;
    const checkpoint = checkpointAt((expected?.position ?? 0n) + 1n);
    await this.store.commit([{ generation, expected, checkpoint, changes: [{ table: 'sales', saved, deleted }] }]);
  }

  /** A live generation that holds these sales. */
  async live(...sales: readonly Document[]): Promise<Generation> {
    const generation = await this.store.createGeneration(SALES);
    await this.write(generation, sales);
    await this.store.switchTo([generation]);
    return generation;
  }

  async load(...ids: readonly string[]): Promise<readonly Document[]> {
    return this.store.snapshot((snapshot) => snapshot.load('sales-view', 'sales', ids));
  }
}

/** Gives every test of the surrounding `describe` a store of its own. */
export function useReadStore(make: MakeReadStore): () => ReadStoreUnderTest {
  let current: ReadStoreUnderTest | undefined;
  beforeEach(async () => {
    current = new ReadStoreUnderTest(await make());
  });
  afterEach(async () => {
    await current?.dispose();
    current = undefined;
  });
  return () => {
    if (current === undefined) throw new Error('the store is there only while a test runs');
    return current;
  };
}
