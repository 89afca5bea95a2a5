import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { types } from 'node:util';
import { syncDirectory } from './sync-directory';

export const MASTER_KEY_BYTES = 32;
const KEY_VARIABLE = 'AIAAS_MASTER_KEY';
const FILE_VARIABLE = 'AIAAS_MASTER_KEY_FILE';
const PREVIOUS_VARIABLE = 'AIAAS_MASTER_KEY_PREVIOUS';
/** Permissions of group and others. */
const NOT_THE_OWNER = 0o077;

/** There is no usable master key; the message says why and what to do, and never repeats a key. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

export interface MasterKey {
  readonly key: Uint8Array;
  /** Where it came from, for the log: a variable's name or a path. */
  readonly source: string;
}

/**
 * The key that wraps all data keys: from `AIAAS_MASTER_KEY` or the file that `AIAAS_MASTER_KEY_FILE` names (base64 or
 * hex of 32 bytes), else from `<data>/keys/master.key`, which is made on the first start.
 * @throws MasterKeyError
 */
export function loadMasterKey(
  environment: Readonly<Record<string, string | undefined>>,
  dataDirectory: string,
): MasterKey {
  // An empty variable counts as unset, because compose files pass on what is missing as empty.
  const value = environment[KEY_VARIABLE] || undefined;
  const file = environment[FILE_VARIABLE] || undefined;
  if (value !== undefined && file !== undefined)
    throw new MasterKeyError(`${KEY_VARIABLE} and ${FILE_VARIABLE} are both set; keep one of them`);
  if (value !== undefined) return { key: parse(value, KEY_VARIABLE), source: KEY_VARIABLE };
  if (file !== undefined) return { key: parse(read(file, FILE_VARIABLE), file), source: file };
  const path = join(dataDirectory, 'keys', 'master.key');
  return { key: loadOrMake(path), source: path };
}

/**
 * The key until now, from `AIAAS_MASTER_KEY_PREVIOUS`; undefined when it is not set.
 * @throws MasterKeyError
 */
export function previousMasterKey(environment: Readonly<Record<string, string | undefined>>): Uint8Array | undefined {
  const value = environment[PREVIOUS_VARIABLE] || undefined;
  return value === undefined ? undefined : parse(value, PREVIOUS_VARIABLE);
}

function parse(text: string, source: string): Uint8Array {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/]{43}=$/.test(trimmed)) return Buffer.from(trimmed, 'base64');
  throw new MasterKeyError(
    `${source} must hold ${MASTER_KEY_BYTES} bytes in base64 (44 characters) or hex (64 characters), but has ${trimmed.length} characters; make one with: openssl rand -base64 32`,
  );
}

function read(path: string, named: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new MasterKeyError(`the master key file ${path} (${named}) cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function loadOrMake(path: string): Uint8Array {
  try {
    return readOwn(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw asMasterKeyError(path, error);
  }
  try {
    make(path);
  } catch (error) {
    // Another process was quicker; its key is as good.
    if (codeOf(error) !== 'EEXIST') throw asMasterKeyError(path, error);
  }
  try {
    return readOwn(path);
  } catch (error) {
    throw asMasterKeyError(path, error);
  }
}

function readOwn(path: string): Uint8Array {
  const { mode } = statSync(path);
  if (process.platform !== 'win32' && (mode & NOT_THE_OWNER) !== 0)
    throw new MasterKeyError(`the master key ${path} can be read by others; run: chmod 600 ${path}`);
  return parse(readFileSync(path, 'utf8'), path);
}

/** A link appears with its whole content or not at all, and never replaces a key that is there. */
function make(path: string): void {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`);
    fsyncSync(handle);
    linkSync(temporary, path);
  } finally {
    closeSync(handle);
    unlinkSync(temporary);
  }
  syncDirectory(directory);
}

function asMasterKeyError(path: string, error: unknown): MasterKeyError {
  if (error instanceof MasterKeyError) return error;
  return new MasterKeyError(
    `the master key ${path} can be neither read nor made: ${messageOf(error)}; make its directory writable or set ${KEY_VARIABLE}`,
    { cause: error },
  );
}

function codeOf(error: unknown): unknown {
  return types.isNativeError(error) && 'code' in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}
