import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventStoreContract } from '../contract';
import { openLmdbEventStore } from './lmdb-event-store';

eventStoreContract('LmdbEventStore', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'event-store-'));
  let store = openLmdbEventStore({ directory });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = openLmdbEventStore({ directory });
      return store;
    },
    dispose: async () => rmSync(directory, { recursive: true }),
  };
});
