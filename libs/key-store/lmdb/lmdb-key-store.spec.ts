import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { keyStoreContract } from '../contract';
import { ErasedSubjectError, KeyStoreUnavailableError } from '../port';
import { KeyIndex } from './key-index';
import { KeyStoreOpenError } from './key-store-open-error';
import type { LmdbKeyStore } from './lmdb-key-store';
import { openLmdbKeyStore } from './open-key-store';

const work = mkdtempSync(join(tmpdir(), 'key-store-'));
let directories = 0;
function newDirectory(): string {
  directories += 1;
  return join(work, `store-${directories}`);
}
afterAll(() => rmSync(work, { recursive: true }));

keyStoreContract('LmdbKeyStore', async () => {
  const directory = newDirectory();
  const masterKey = randomBytes(32);
  let store = openLmdbKeyStore({ directory, masterKey });
  return {
    store,
    reopen: async () => {
      await store.close();
      store = openLmdbKeyStore({ directory, masterKey });
      return store;
    },
  };
});

describe('LmdbKeyStore', () => {
  let directory = '';
  let masterKey: Buffer;
  let store: LmdbKeyStore;
  beforeEach(() => {
    directory = newDirectory();
    masterKey = randomBytes(32);
    store = openLmdbKeyStore({ directory, masterKey });
  });
  afterEach(() => store.close());

  function openingError(options: { directory?: string; masterKey?: Uint8Array } = {}): string {
    try {
      void openLmdbKeyStore({ directory, masterKey, ...options }).close();
    } catch (error) {
      if (error instanceof KeyStoreOpenError) return error.message;
      throw error;
    }
    throw new Error('it opened');
  }

  /** The bytes of a subject's slot as they lie on disk. */
  function slotOnDisk(slot: number, generation = 1): Buffer {
    return readFileSync(join(directory, `wrapped-keys.${generation}`)).subarray(slot * 64, slot * 64 + 64);
  }

  function filesHolding(secret: Buffer): string[] {
    return readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes(secret));
  }

  it('keeps keys wrapped only', async () => {
    const { key } = await store.current('mem_a');
    const wrapped = Buffer.from(slotOnDisk(0).subarray(0, 60));

    expect(filesHolding(Buffer.from(key))).toEqual([]);
    expect(filesHolding(wrapped)).toEqual(['wrapped-keys.1']);
  });

  it('leaves nothing of an erased key in its files, and everything of the others', async () => {
    for (let number = 0; number < 50; number += 1) await store.current(`mem_${number}`);
    const wrapped = Buffer.from(slotOnDisk(17).subarray(0, 60));
    const neighbour = Buffer.from(slotOnDisk(18).subarray(0, 60));

    await store.erase('mem_17');

    expect(filesHolding(wrapped.subarray(12, 44))).toEqual([]);
    expect(filesHolding(neighbour)).toEqual(['wrapped-keys.1']);
    expect(slotOnDisk(17).every((byte) => byte === 0)).toBe(true);
  });

  it('takes an erasure that was interrupted after the keys were gone for an erasure', async () => {
    await store.current('mem_a');
    await store.close();
    writeFileSync(join(directory, 'wrapped-keys.1'), Buffer.alloc(64));
    store = openLmdbKeyStore({ directory, masterKey });

    await expect(store.current('mem_a')).rejects.toBeInstanceOf(ErasedSubjectError);
    expect(await store.find('mem_a', 1)).toBeUndefined();
    await store.erase('mem_a');
    await expect(store.current('mem_a')).rejects.toBeInstanceOf(ErasedSubjectError);
  });

  it('says that a key was altered on disk instead of giving a wrong one', async () => {
    await store.current('mem_a');
    await store.current('mem_b');
    const [a, b] = [Buffer.from(slotOnDisk(0)), Buffer.from(slotOnDisk(1))];
    writeFileSync(join(directory, 'wrapped-keys.1'), Buffer.concat([b, a]));

    await expect(store.current('mem_a')).rejects.toThrow(
      'the data key of mem_a, version 1 was altered on disk; restore the key store from a backup',
    );
    writeFileSync(join(directory, 'wrapped-keys.1'), a);
    await expect(store.find('mem_b', 1)).rejects.toThrow(/ends before slot 1; restore/);
  });

  it('is readable by its owner only', async () => {
    await store.current('mem_a');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'wrapped-keys.1')).mode & 0o777).toBe(0o600);
  });

  describe('opening', () => {
    it('refuses another master key', () => {
      expect(openingError({ masterKey: randomBytes(32) })).toMatch(
        /was made with another master key; give that one \(AIAAS_MASTER_KEY/,
      );
      expect(openingError({ masterKey: randomBytes(16) })).toBe('a master key has 32 bytes, but this one has 16');
    });

    it('refuses a newer format, a file of something else and a path that is no directory', async () => {
      await store.close();
      const table = open<Uint8Array, Uint8Array>({
        path: join(directory, 'index.mdb'),
        encoding: 'binary',
        keyEncoding: 'binary',
      });
      new KeyIndex(table).setCounter('format', 7);
      await table.close();
      expect(openingError()).toMatch(/written by a newer version of this program \(format 7; this one knows 1\)/);

      const other = newDirectory();
      mkdirSync(other);
      writeFileSync(join(other, 'index.mdb'), 'something else '.repeat(1_000));
      expect(openingError({ directory: other })).toMatch(/is not a key store or is damaged/);
      expect(openingError({ directory: join(other, 'index.mdb') })).toMatch(/cannot be opened \(EEXIST/);
    });
  });

  describe('rewrap', () => {
    it('wraps every key under the new master key and destroys the old wrapping', async () => {
      const keys = [await store.current('mem_a'), await store.current('mem_b'), await store.current('mem_c')];
      await store.erase('mem_b');
      const oldWrapping = Buffer.from(slotOnDisk(0).subarray(0, 60));
      const newMasterKey = randomBytes(32);

      await store.rewrap(newMasterKey);
      const late = await store.current('mem_d');
      await store.close();

      expect(filesHolding(oldWrapping)).toEqual([]);
      expect(readdirSync(directory).filter((name) => name.startsWith('wrapped-keys'))).toEqual(['wrapped-keys.2']);
      expect(openingError()).toMatch(/was made with another master key/);
      store = openLmdbKeyStore({ directory, masterKey: newMasterKey });
      expect(await store.current('mem_a')).toEqual(keys[0]);
      await expect(store.current('mem_b')).rejects.toBeInstanceOf(ErasedSubjectError);
      expect(await store.current('mem_c')).toEqual(keys[2]);
      expect(await store.find('mem_d', 1)).toEqual(late);
    });

    it('clears up at the next start what an interrupted one left', async () => {
      const key = await store.current('mem_a');
      await store.close();
      writeFileSync(join(directory, 'wrapped-keys.2'), randomBytes(640));

      store = openLmdbKeyStore({ directory, masterKey });

      expect(readdirSync(directory)).not.toContain('wrapped-keys.2');
      expect(await store.current('mem_a')).toEqual(key);
    });

    it('is noticed by whoever has the store open, too', async () => {
      await store.current('mem_a');
      const other = openLmdbKeyStore({ directory, masterKey });
      await other.rewrap(randomBytes(32));

      await expect(store.current('mem_a')).rejects.toBeInstanceOf(KeyStoreUnavailableError);
      await expect(store.current('mem_new')).rejects.toBeInstanceOf(KeyStoreUnavailableError);
      await expect(store.erase('mem_a')).rejects.toBeInstanceOf(KeyStoreUnavailableError);
      await other.close();
    });
  });
});
