import { randomBytes } from 'node:crypto';
import { assertValidSubject, type DataKey, ErasedSubjectError, type KeyStore, KeyStoreUnavailableError } from '../port';
import { syncDirectory } from '../sync-directory';
import { KeyIndex } from './key-index';
import { assertMasterKey, writeCheck } from './master-key-check';
import { SlotFile } from './slot-file';
import { KEY_BYTES, unwrapKey, wrapKey } from './wrapped-key';

/**
 * Data keys on disk, each wrapped under the master key: LMDB says which slot a subject's key lies in, a slot file holds
 * the wrapped keys and is overwritten in place. Every change is on disk before its promise resolves.
 *
 * Several processes may open the directory: changes are made inside LMDB's one write transaction, and each call notices
 * when another process has rotated the master key.
 */
export class LmdbKeyStore implements KeyStore {
  #closing: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly index: KeyIndex,
    private masterKey: Uint8Array,
    private generation: number,
    private slots: SlotFile,
  ) {}

  async current(subject: string): Promise<DataKey> {
    this.#assertUsable(subject);
    const known = this.#newest(subject);
    if (known !== undefined) return known;
    return this.index.table.transactionSync(() => {
      this.#assertGeneration();
      // Another process may have made it, or erased the subject, since the look above.
      return this.#newest(subject) ?? this.#make(subject);
    });
  }

  async find(subject: string, version: number): Promise<DataKey | undefined> {
    this.#assertUsable(subject);
    const slot = this.index.subject(subject)?.slots[version - 1];
    return slot === undefined ? undefined : this.#read(subject, version, slot);
  }

  async erase(subject: string): Promise<void> {
    this.#assertUsable(subject);
    this.index.table.transactionSync(() => {
      this.#assertGeneration();
      const record = this.index.subject(subject);
      if (record?.state === 'erased') return;
      // First the keys, then the note: if the process dies in between, empty slots say the same.
      for (const slot of record?.slots ?? []) this.slots.erase(slot);
      this.slots.sync();
      this.index.setSubject(subject, { state: 'erased', slots: [] });
    });
  }

  /**
   * Wraps every key under another master key and destroys the old wrapping. If it is interrupted, the store still opens
   * with the old master key; once it has resolved, only with the new one.
   */
  async rewrap(masterKey: Uint8Array): Promise<void> {
    this.#assertOpen();
    assertMasterKey(masterKey);
    const generation = this.generation + 1;
    const next = this.index.table.transactionSync(() => {
      this.#assertGeneration();
      return this.#writeNextGeneration(masterKey, generation);
    });
    const old = this.slots;
    this.slots = next;
    this.masterKey = Buffer.from(masterKey);
    this.generation = generation;
    old.destroy();
  }

  #writeNextGeneration(masterKey: Uint8Array, generation: number): SlotFile {
    const next = SlotFile.create(this.directory, generation);
    try {
      for (const { subject, record } of this.index.subjects())
        for (const [index, slot] of record.slots.entries()) {
          const key = this.#read(subject, index + 1, slot);
          if (key === undefined) next.erase(slot);
          else next.write(slot, wrapKey(masterKey, key.key, purposeOf(subject, key.version)));
        }
      next.sync();
      syncDirectory(this.directory);
      writeCheck(this.index, masterKey, generation);
      return next;
    } catch (error) {
      next.destroy();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.slots.close();
    await this.index.table.close();
  }

  #newest(subject: string): DataKey | undefined {
    const record = this.index.subject(subject);
    if (record === undefined) return undefined;
    const version = record.slots.length;
    const slot = record.slots[version - 1];
    const key = slot === undefined ? undefined : this.#read(subject, version, slot);
    if (key === undefined) throw new ErasedSubjectError(`the data of ${subject} were erased`);
    return key;
  }

  #make(subject: string): DataKey {
    const slot = this.index.counter('slots');
    const version = 1;
    const key = randomBytes(KEY_BYTES);
    // The key is on disk before anything points to it.
    this.slots.write(slot, wrapKey(this.masterKey, key, purposeOf(subject, version)));
    this.slots.sync();
    this.index.setCounter('slots', slot + 1);
    this.index.setSubject(subject, { state: 'active', slots: [slot] });
    return { subject, version, key };
  }

  #read(subject: string, version: number, slot: number): DataKey | undefined {
    const wrapped = this.slots.read(slot);
    if (wrapped === undefined) {
      // Zeros mean an erasure, unless another process has rotated the master key just now and destroyed this file.
      this.index.table.resetReadTxn();
      this.#assertGeneration();
      return undefined;
    }
    return { subject, version, key: unwrapKey(this.masterKey, wrapped, purposeOf(subject, version)) };
  }

  #assertUsable(subject: string): void {
    this.#assertOpen();
    assertValidSubject(subject);
    this.index.table.resetReadTxn();
    this.#assertGeneration();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new KeyStoreUnavailableError('the key store is closed');
  }

  #assertGeneration(): void {
    if (this.index.counter('generation') !== this.generation)
      throw new KeyStoreUnavailableError('another process has changed the master key; start again with the new one');
  }
}

function purposeOf(subject: string, version: number): string {
  return `the data key of ${subject}, version ${version}`;
}
