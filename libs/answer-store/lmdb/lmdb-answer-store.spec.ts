import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerStoreContract } from '../contract';
import { LmdbAnswerStore } from '.';

const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

answerStoreContract('LMDB', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'aiaas-answers-'));
  directories.push(directory);
  const store = new LmdbAnswerStore(directory);
  return {
    store,
    reopen: async () => {
      await store.close();
      return new LmdbAnswerStore(directory);
    },
  };
});
