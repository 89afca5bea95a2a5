import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import { open } from 'lmdb';
import { syncDirectory } from '../sync-directory';
import { FORMAT_VERSION, KeyIndex, type Table } from './key-index';
import { KeyStoreOpenError } from './key-store-open-error';
import { LmdbKeyStore } from './lmdb-key-store';
import { assertCheck, assertMasterKey, writeCheck } from './master-key-check';
import { SlotFile } from './slot-file';

const INDEX_FILE = 'index.mdb';
const FIRST_GENERATION = 1;
const LMDB_MAGIC = 0xbeefc0de;
/** The magic number stands behind the header of the first page. */
const LMDB_MAGIC_AT = 24;

export interface LmdbKeyStoreOptions {
  /** A local directory for this store alone; made if it does not exist. */
  readonly directory: string;
  /** 32 bytes; must be the one that the store was made with or last rewrapped under. */
  readonly masterKey: Uint8Array;
}

/**
 * Opens the key store of a directory, or makes it.
 * @throws KeyStoreOpenError for another master key, a directory that cannot be used, or a newer format.
 */
export function openLmdbKeyStore({ directory, masterKey }: LmdbKeyStoreOptions): LmdbKeyStore {
  assertMasterKey(masterKey);
  let table: Table | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, INDEX_FILE);
    assertLmdbFile(file);
    // A write resolves only after its own sync; the default would resolve when the data is merely visible.
    table = open<Uint8Array, Uint8Array>({
      path: file,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    const index = new KeyIndex(table);
    // In a transaction, because another process may be making the store or rotating its master key.
    const slots = table.transactionSync(() => prepare(index, directory, masterKey));
    return new LmdbKeyStore(directory, index, Buffer.from(masterKey), index.counter('generation'), slots);
  } catch (error) {
    void table?.close();
    throw asOpenError(directory, error);
  }
}

function prepare(index: KeyIndex, directory: string, masterKey: Uint8Array): SlotFile {
  const format = index.counter('format');
  if (format > FORMAT_VERSION)
    throw new KeyStoreOpenError(
      `the key store in ${directory} was written by a newer version of this program (format ${format}; this one knows ${FORMAT_VERSION}): run the newer version`,
    );
  if (index.isEmpty()) {
    index.setCounter('format', FORMAT_VERSION);
    writeCheck(index, masterKey, FIRST_GENERATION);
  } else assertCheck(index, masterKey, directory);
  const generation = index.counter('generation');
  const slots = SlotFile.open(directory, generation);
  SlotFile.destroyOthers(directory, generation);
  syncDirectory(directory);
  syncDirectory(dirname(directory));
  return slots;
}

/** LMDB's driver ends the process on a file that it cannot understand, so that is found out before. */
function assertLmdbFile(file: string): void {
  // An empty file is left when a process dies while it makes the store.
  if (!existsSync(file) || statSync(file).size === 0) return;
  const handle = openSync(file, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(handle, magic, 0, 4, LMDB_MAGIC_AT);
    if (magic.readUInt32LE(0) !== LMDB_MAGIC)
      throw new KeyStoreOpenError(`${file} is not a key store or is damaged; restore it, or give another directory`);
  } finally {
    closeSync(handle);
  }
}

function asOpenError(directory: string, error: unknown): KeyStoreOpenError {
  if (error instanceof KeyStoreOpenError) return error;
  const message = types.isNativeError(error) ? error.message : String(error);
  return new KeyStoreOpenError(
    `the key store in ${directory} cannot be opened (${message}); give a directory that this user can write`,
    { cause: error },
  );
}
