import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AnswerStore } from '#answer-store';
import { LmdbAnswerStore } from '#answer-store/lmdb';
import type { Configuration } from '#configuration';
import type { EventStore } from '#event-store';
import { openLmdbEventStore } from '#event-store/lmdb';
import { CachedKeyStore, type KeyStore, loadMasterKey } from '#key-store';
import { openLmdbKeyStore } from '#key-store/lmdb';

/** Where things lie in the data directory. */
export function dataPaths(dataDir: string) {
  return {
    events: join(dataDir, 'events'),
    keys: join(dataDir, 'key-store'),
    answers: join(dataDir, 'answers'),
    firstRun: join(dataDir, 'first-run.json'),
  };
}

/** The embedded engines: everything on this machine's disk. */
export interface Engines {
  readonly store: EventStore;
  readonly keyStore: KeyStore;
  readonly answers: AnswerStore;
  close(): Promise<void>;
}

/** @throws StoreOpenError, MasterKeyError or KeyStoreOpenError, each with a sentence that says what to do. */
export function openEngines(configuration: Configuration, environment: NodeJS.ProcessEnv): Engines {
  const paths = dataPaths(configuration.dataDir);
  // The event store claims the directory for this process, so it comes first.
  const store = openLmdbEventStore({ directory: paths.events });
  const masterKey = loadMasterKey(environment, configuration.dataDir).key;
  const keyStore = new CachedKeyStore(openLmdbKeyStore({ directory: paths.keys, masterKey }));
  mkdirSync(paths.answers, { recursive: true, mode: 0o700 });
  const answers = new LmdbAnswerStore(paths.answers);
  return {
    store,
    keyStore,
    answers,
    async close() {
      await answers.close();
      await keyStore.close();
      await store.close();
    },
  };
}
