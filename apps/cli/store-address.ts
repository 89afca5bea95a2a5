import { existsSync, realpathSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  type ConnectionSettings,
  InvalidConnectionStringError,
  parseConnectionString,
} from '#event-store/eventstoredb';
import { UsageError } from './arguments';

/** Where a store is; `name` may be shown to anybody. */
export type StoreAddress =
  | {
      readonly kind: 'lmdb';
      readonly name: string;
      /** The one that holds, or will hold, `events.mdb`. */
      readonly directory: string;
      readonly exists: boolean;
      /** Which directory was taken, when it is not the one that was given. */
      readonly note?: string;
    }
  | { readonly kind: 'eventstoredb'; readonly name: string; readonly settings: ConnectionSettings };

const LMDB = 'lmdb:';
const EVENTS_FILE = 'events.mdb';
/** The record's place in an embedded platform's data directory. */
const EVENTS_DIRECTORY = 'events';

/** @param option for sentences, for example `--from`. @throws UsageError, never with a password in it */
export function parseStoreAddress(option: string, text: string): StoreAddress {
  if (text.startsWith(LMDB)) return lmdbAddress(option, text.slice(LMDB.length));
  if (!/^esdb(\+discover)?:\/\//.test(text))
    throw new UsageError(`${option} must begin with lmdb: or esdb:// (or esdb+discover://)`);
  try {
    const settings = parseConnectionString(text);
    const hosts = settings.endpoints.map(({ address, port }) => `${address}:${port}`).join(',');
    return { kind: 'eventstoredb', name: `esdb://${hosts}`, settings };
  } catch (error) {
    if (error instanceof InvalidConnectionStringError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}

function lmdbAddress(option: string, path: string): StoreAddress {
  if (path === '') throw new UsageError(`${option} names no directory after lmdb:`);
  const given = resolve(path);
  const inside = join(given, EVENTS_DIRECTORY);
  if (existsSync(join(given, EVENTS_FILE))) return { kind: 'lmdb', name: given, directory: given, exists: true };
  const note = `${given} is a data directory: its ${EVENTS_DIRECTORY} directory was taken`;
  if (existsSync(join(inside, EVENTS_FILE)))
    return { kind: 'lmdb', name: inside, directory: inside, exists: true, note };
  if (basename(given) === EVENTS_DIRECTORY) return { kind: 'lmdb', name: given, directory: given, exists: false };
  return {
    kind: 'lmdb',
    name: inside,
    directory: inside,
    exists: false,
    note: `${given} is taken for a data directory: its record will be in ${inside}`,
  };
}

/** Where both name the same store, the copy would be of a store to itself. */
export function isSameStore(one: StoreAddress, other: StoreAddress): boolean {
  if (one.kind === 'lmdb' && other.kind === 'lmdb')
    return one.exists && other.exists && realpathSync(one.directory) === realpathSync(other.directory);
  return one.kind === 'eventstoredb' && other.kind === 'eventstoredb' && one.name === other.name;
}
