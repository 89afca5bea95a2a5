import { join } from 'node:path';
import type { EventStoreReader } from '#event-store';
import { openLmdbEventStoreReader } from '#event-store/lmdb';
import { builtMain } from './fresh-build';
import { holdLmdbWrites } from './hold-lmdb-writes';
import { startTestStore } from './store-process';

export type TestMode = 'embedded' | 'distributed';

/** Which of the two ways to run is tested: `AIAAS_TEST_MODE=distributed npx jest test/e2e`. */
export const TEST_MODE: TestMode = process.env.AIAAS_TEST_MODE === 'distributed' ? 'distributed' : 'embedded';

/** What a process under test stands on, and how a test looks into it. It outlives the process. */
export interface Ground {
  readonly main: string;
  /** Settings beside the port, the data directory and what the test wants. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where keys, kept answers and the secrets of the first run are. */
  readonly sharedDir: string;
  /** The record, beside the process that writes it or without one. */
  openRecord(): Promise<EventStoreReader>;
  /** Keeps everybody from writing the record, until the returned function has resolved. */
  holdWrites(): Promise<() => Promise<void>>;
  /** The record's server ends, as by kill -9, until the returned function has resolved; a file cannot be taken away. */
  takeRecordAway(): Promise<() => Promise<void>>;
  release(): Promise<void>;
}

function embeddedGround(dataDir: string): Ground {
  const events = join(dataDir, 'events');
  return {
    main: builtMain('platform'),
    environment: {},
    sharedDir: dataDir,
    openRecord: async () => openLmdbEventStoreReader(events),
    holdWrites: () => holdLmdbWrites(join(events, 'events.mdb')),
    takeRecordAway: () => Promise.reject(new Error('a record on disk cannot be taken away')),
    release: async () => undefined,
  };
}

async function distributedGround(dataDir: string): Promise<Ground> {
  const main = builtMain('gateway');
  const store = await startTestStore();
  const sharedDir = join(dataDir, 'shared');
  return {
    main,
    environment: {
      AIAAS_MODE: 'distributed',
      AIAAS_EVENTSTOREDB_URL: store.connectionString,
      AIAAS_SHARED_DATA: sharedDir,
      AIAAS_MASTER_KEY: 'cd'.repeat(32),
    },
    sharedDir,
    async openRecord() {
      const { EventStoreDbEventStore, parseConnectionString } = await import('#event-store/eventstoredb');
      return new EventStoreDbEventStore(parseConnectionString(store.readersConnectionString));
    },
    holdWrites: () => store.holdAppends(),
    takeRecordAway: () => store.takeAway(),
    release: () => store.stop(),
  };
}

const grounds = new Map<string, Promise<Ground>>();

/** The ground of a data directory: the same one for every start, as a store is. */
export function groundOf(dataDir: string): Promise<Ground> {
  const known = grounds.get(dataDir);
  if (known !== undefined) return known;
  const ground = TEST_MODE === 'embedded' ? Promise.resolve(embeddedGround(dataDir)) : distributedGround(dataDir);
  grounds.set(dataDir, ground);
  return ground;
}

/** Forgets what the data directory stood on. */
export async function releaseGround(dataDir: string): Promise<void> {
  const ground = grounds.get(dataDir);
  grounds.delete(dataDir);
  await (await ground)?.release();
}
