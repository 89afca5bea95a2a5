import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import { open } from 'lmdb';
import type { Table } from './event-log';
import { FORMAT_VERSION, metaKey } from './layout';
import { StoreOpenError } from './store-open-error';

const EVENTS_FILE = 'events.mdb';
/** Worker threads and tools that read at the same time, each with a few transactions. */
const READERS_MAX = 126;

const TABLE_OPTIONS = {
  encoding: 'binary',
  keyEncoding: 'binary',
  maxReaders: READERS_MAX,
  // A put resolves only after its own sync; the default would resolve when the data is merely visible.
  overlappingSync: false,
} as const;

export interface OpenTable {
  readonly table: Table;
  /** Made at random with the store, so that a copy restored elsewhere or an emptied directory can be told apart. */
  readonly storeId: string;
}

/** Makes the directory if need be. @throws StoreOpenError when it cannot hold a store. */
export function prepareDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!statSync(directory).isDirectory()) throw new StoreOpenError(`${directory} is not a directory`);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw asOpenError(directory, error);
  }
}

/** Opens for writing; a new store gets its format and id. @throws StoreOpenError */
export function openTable(directory: string): OpenTable {
  const file = join(directory, EVENTS_FILE);
  const isNew = !existsSync(file);
  let table: Table | undefined;
  try {
    assertLmdbFile(file);
    table = open<Uint8Array, Uint8Array>({ path: file, ...TABLE_OPTIONS });
    const storeId = isEmpty(table) ? create(table) : readMeta(table, directory);
    // A file whose name is not on disk yet would be lost with the power, however well its content is synced.
    if (isNew) for (const path of [directory, dirname(directory)]) syncDirectory(path);
    return { table, storeId };
  } catch (error) {
    void table?.close();
    throw asOpenError(directory, error);
  }
}

/** Opens an existing store for reading only. @throws StoreOpenError */
export function openTableReadOnly(directory: string): OpenTable {
  const file = join(directory, EVENTS_FILE);
  if (!existsSync(file)) throw new StoreOpenError(`there is no event store in ${directory}`);
  let table: Table | undefined;
  try {
    assertLmdbFile(file);
    table = open<Uint8Array, Uint8Array>({ path: file, ...TABLE_OPTIONS, readOnly: true });
    return { table, storeId: readMeta(table, directory) };
  } catch (error) {
    void table?.close();
    throw asOpenError(directory, error);
  }
}

const LMDB_MAGIC = 0xbeefc0de;
/** The magic number stands behind the header of the first page. */
const LMDB_MAGIC_AT = 24;

/** LMDB's driver ends the process on a file that it cannot understand, so that is found out before. */
function assertLmdbFile(file: string): void {
  // An empty file is left when a process dies while it makes the store.
  if (!existsSync(file) || statSync(file).size === 0) return;
  const handle = openSync(file, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(handle, magic, 0, 4, LMDB_MAGIC_AT);
    if (magic.readUInt32LE(0) !== LMDB_MAGIC)
      throw new StoreOpenError(`${file} is not an event store or is damaged; restore it, or give another directory`);
  } finally {
    closeSync(handle);
  }
}

function isEmpty(table: Table): boolean {
  for (const _ of table.getKeys({ limit: 1 })) return false;
  return true;
}

function create(table: Table): string {
  const format = Buffer.alloc(4);
  format.writeUInt32BE(FORMAT_VERSION);
  const storeId = randomBytes(16);
  table.transactionSync(() => {
    table.putSync(metaKey('format'), format);
    table.putSync(metaKey('storeId'), storeId);
  });
  return storeId.toString('hex');
}

function readMeta(table: Table, directory: string): string {
  const format = table.getBinary(metaKey('format'));
  const storeId = table.getBinary(metaKey('storeId'));
  if (format === undefined || storeId === undefined)
    throw new StoreOpenError(`${join(directory, EVENTS_FILE)} is not an event store; give another directory`);
  const version = Buffer.from(format).readUInt32BE(0);
  if (version > FORMAT_VERSION)
    throw new StoreOpenError(
      `the event store in ${directory} was written by a newer version of this program (format ${version}; this one knows ${FORMAT_VERSION}): run the newer version`,
    );
  return Buffer.from(storeId).toString('hex');
}

function syncDirectory(path: string): void {
  // Windows has no handles of directories and needs none for this.
  if (process.platform === 'win32') return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export function asOpenError(directory: string, error: unknown): StoreOpenError {
  if (error instanceof StoreOpenError) return error;
  const code = types.isNativeError(error) && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return new StoreOpenError(`${directory} is not a directory`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 13: // LMDB gives the number of EACCES.
      return new StoreOpenError(
        `${directory} cannot be written by this user; change its owner or give another directory`,
        { cause: error },
      );
    default:
      return new StoreOpenError(
        `the event store in ${directory} cannot be opened: ${types.isNativeError(error) ? error.message : String(error)}`,
        { cause: error },
      );
  }
}
