import { join } from 'node:path';
import type { EmbeddedConfiguration } from '#configuration';
import { openLmdbEventStore } from '#event-store/lmdb';
import type { EngineKit, Engines } from '../engines';
import { openLocalStores } from '../local-stores';

/** @throws StoreOpenError, MasterKeyError or KeyStoreOpenError, each with a sentence that says what to do. */
export async function openEmbeddedEngines(
  { dataDir }: EmbeddedConfiguration,
  environment: NodeJS.ProcessEnv,
): Promise<Engines> {
  const directory = join(dataDir, 'events');
  // The event store claims the directory for this process, so it comes first.
  const store = openLmdbEventStore({ directory });
  const local = await openLocalStores(dataDir, environment, false).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  return {
    ...local,
    store,
    record: { kind: 'lmdb', directory },
    recordName: `the record in ${directory}`,
    async close() {
      await local.close();
      await store.close();
    },
  };
}

/** Everything on this machine's disk. */
export const embedded: EngineKit<'embedded'> = { mode: 'embedded', checks: {}, open: openEmbeddedEngines };
