import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AnswerStore } from '#answer-store';
import { LmdbAnswerStore } from '#answer-store/lmdb';
import type { Configuration } from '#configuration';
import type { EventStore } from '#event-store';
import { openLmdbEventStore } from '#event-store/lmdb';
import { CachedKeyStore, type KeyStore, loadMasterKey } from '#key-store';
import { OtherMasterKeyError, openLmdbKeyStore } from '#key-store/lmdb';

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

/** Opens the key store; one that is still under the previous master key is wrapped anew under the present one. */
async function openKeys({ dataDir }: Configuration, directory: string, environment: NodeJS.ProcessEnv) {
  const masterKey = loadMasterKey(environment, dataDir).key;
  try {
    return openLmdbKeyStore({ directory, masterKey });
  } catch (error) {
    const previous = environment.AIAAS_MASTER_KEY_PREVIOUS ?? '';
    if (!(error instanceof OtherMasterKeyError) || previous === '') throw error;
    const store = openLmdbKeyStore({
      directory,
      masterKey: loadMasterKey({ AIAAS_MASTER_KEY: previous }, dataDir).key,
    });
    await store.rewrap(masterKey);
    return store;
  }
}

/** @throws StoreOpenError, MasterKeyError or KeyStoreOpenError, each with a sentence that says what to do. */
export async function openEngines(configuration: Configuration, environment: NodeJS.ProcessEnv): Promise<Engines> {
  const paths = dataPaths(configuration.dataDir);
  // The event store claims the directory for this process, so it comes first.
  const store = openLmdbEventStore({ directory: paths.events });
  const keyStore = new CachedKeyStore(
    await openKeys(configuration, paths.keys, environment).catch(async (error: unknown) => {
      await store.close();
      throw error;
    }),
  );
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
