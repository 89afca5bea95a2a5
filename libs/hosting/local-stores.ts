import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnswerStore } from '#answer-store';
import { LmdbAnswerStore } from '#answer-store/lmdb';
import type { LocalKeys } from '#control';
import { CachedKeyStore, type KeyStore, loadMasterKey, previousMasterKey } from '#key-store';
import { OtherMasterKeyError, openLmdbKeyStore } from '#key-store/lmdb';

/** Keys and kept answers in one directory, which several processes of this machine may open. */
export interface LocalStores {
  readonly keyStore: KeyStore;
  readonly answers: AnswerStore;
  /** For comparing them with those of the record. */
  readonly keys: LocalKeys;
  readonly firstRunFile: string;
  close(): Promise<void>;
}

/** Opens the key store; one that is still under the previous master key is wrapped anew under the present one. */
async function openKeys(directory: string, masterKey: Uint8Array, previous: Uint8Array | undefined): Promise<KeyStore> {
  try {
    return openLmdbKeyStore({ directory, masterKey });
  } catch (error) {
    if (!(error instanceof OtherMasterKeyError) || previous === undefined) throw error;
    const store = openLmdbKeyStore({ directory, masterKey: previous });
    await store.rewrap(masterKey);
    return store;
  }
}

/**
 * @param isShared other processes open the directory too: then no key is kept in memory, since what one process erases
 *   must not stay readable in another.
 * @throws MasterKeyError or KeyStoreOpenError, each with a sentence that says what to do.
 */
export async function openLocalStores(
  baseDir: string,
  environment: NodeJS.ProcessEnv,
  isShared: boolean,
): Promise<LocalStores> {
  const directory = join(baseDir, 'key-store');
  const masterKey = loadMasterKey(environment, baseDir).key;
  // Looked at even when it is not needed: a wrong setting is told at once, not when it is too late.
  const previous = previousMasterKey(environment);
  const keys = await openKeys(directory, masterKey, previous);
  const keyStore = isShared ? keys : new CachedKeyStore(keys);
  const answersDir = join(baseDir, 'answers');
  mkdirSync(answersDir, { recursive: true, mode: 0o700 });
  const answers = new LmdbAnswerStore(answersDir);
  return {
    keyStore,
    answers,
    keys: {
      keyStore,
      masterKey,
      ...(previous === undefined ? {} : { previousMasterKey: previous }),
      directory,
      ...recordNote(join(directory, 'record-id')),
    },
    firstRunFile: join(baseDir, 'first-run.json'),
    async close() {
      await answers.close();
      await keyStore.close();
    },
  };
}

/** The file says which record the keys beside it were last used with; a copy of the directory takes it along. */
function recordNote(file: string): Pick<LocalKeys, 'belongsTo' | 'claimFor'> {
  return {
    belongsTo() {
      try {
        return readFileSync(file, 'utf8').trim();
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    claimFor: (recordId) => writeFileSync(file, `${recordId}\n`, { mode: 0o600 }),
  };
}
