import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DamagedKeyError, WRAPPED_KEY_BYTES } from './wrapped-key';

/** Divides every sector size, so that no slot lies in two sectors. */
const SLOT_BYTES = 64;
const FILE_NAME = /^wrapped-keys\.(\d+)$/;
const ZEROS_BYTES = 64 * 1024;

/**
 * Wrapped keys in slots of equal size, overwritten in place. LMDB cannot hold them: it never overwrites a page, so an
 * erased key would stay readable in a free page for an unknown time. Here an erased slot is zeros, on disk, when
 * `erase` returns. (File systems that copy on write, and flash below any file system, may keep old blocks for a while;
 * without the master key they are worth nothing.)
 *
 * One file per generation of the master key: a rotation writes a new one in full before it destroys the old one.
 */
export class SlotFile {
  private constructor(
    private readonly handle: number,
    private readonly path: string,
  ) {}

  static open(directory: string, generation: number): SlotFile {
    const path = join(directory, `wrapped-keys.${generation}`);
    return new SlotFile(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600), path);
  }

  /** An empty file, whatever an interrupted rotation left under this name. */
  static create(directory: string, generation: number): SlotFile {
    const path = join(directory, `wrapped-keys.${generation}`);
    return new SlotFile(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600), path);
  }

  /** Destroys what an interrupted rotation left. */
  static destroyOthers(directory: string, generation: number): void {
    for (const name of readdirSync(directory)) {
      const other = FILE_NAME.exec(name)?.[1];
      if (other !== undefined && Number(other) !== generation) SlotFile.open(directory, Number(other)).destroy();
    }
  }

  /** `undefined` when the slot was erased. */
  read(slot: number): Uint8Array | undefined {
    const bytes = Buffer.alloc(SLOT_BYTES);
    if (readSync(this.handle, bytes, 0, SLOT_BYTES, slot * SLOT_BYTES) !== SLOT_BYTES)
      throw new DamagedKeyError(`${this.path} ends before slot ${slot}; restore the key store from a backup`);
    return bytes.every((byte) => byte === 0) ? undefined : bytes.subarray(0, WRAPPED_KEY_BYTES);
  }

  write(slot: number, wrapped: Uint8Array): void {
    const bytes = Buffer.alloc(SLOT_BYTES);
    bytes.set(wrapped);
    this.#writeAll(bytes, slot * SLOT_BYTES);
  }

  erase(slot: number): void {
    this.#writeAll(Buffer.alloc(SLOT_BYTES), slot * SLOT_BYTES);
  }

  sync(): void {
    fdatasyncSync(this.handle);
  }

  close(): void {
    closeSync(this.handle);
  }

  destroy(): void {
    const { size } = fstatSync(this.handle);
    for (let at = 0; at < size; at += ZEROS_BYTES) this.#writeAll(Buffer.alloc(Math.min(ZEROS_BYTES, size - at)), at);
    fsyncSync(this.handle);
    closeSync(this.handle);
    // Another process that opens the store may be clearing up, too.
    rmSync(this.path, { force: true });
  }

  #writeAll(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.handle, bytes, done, bytes.length - done, position + done);
  }
}
