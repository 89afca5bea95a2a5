import { decrypt, encryptFor, hmacFor } from './envelope';
import { ErasedSubjectError, type KeyStore, KeyStoreUnavailableError, SUBJECT_BYTES_MAX } from './port';

export interface KeyStoreFixture {
  readonly store: KeyStore;
  /** Closes the store and opens the same data again; absent where nothing outlives the store. */
  reopen?(): Promise<KeyStore>;
  dispose?(): Promise<void>;
}

/** Every guarantee of the port, as tests that each adapter runs in full. */
export function keyStoreContract(name: string, makeStore: () => Promise<KeyStoreFixture>): void {
  describe(`${name} keeps the contract of a key store`, () => {
    let fixture: KeyStoreFixture;
    let store: KeyStore;
    beforeEach(async () => {
      fixture = await makeStore();
      store = fixture.store;
    });
    afterEach(async () => {
      await store.close();
      await fixture.dispose?.();
    });
    /** As after a restart; where nothing persists, the store simply stays open. */
    async function reopen(): Promise<void> {
      if (fixture.reopen !== undefined) store = await fixture.reopen();
    }

    it('makes a key on first use and gives the same one ever after', async () => {
      const first = await store.current('mem_a');
      expect(first).toMatchObject({ subject: 'mem_a', version: 1 });
      expect(first.key).toHaveLength(32);

      await reopen();
      expect(Buffer.from((await store.current('mem_a')).key).equals(first.key)).toBe(true);
      expect(Buffer.from((await store.find('mem_a', first.version))?.key ?? []).equals(first.key)).toBe(true);
    });

    it('makes one key only, however many ask at once', async () => {
      const keys = await Promise.all(Array.from({ length: 20 }, () => store.current('mem_a')));
      expect(new Set(keys.map(({ key }) => Buffer.from(key).toString('hex'))).size).toBe(1);
    });

    it('gives every subject a key of its own', async () => {
      const keys = await Promise.all(['a', 'b', 'ab', 'ü', 'x'.repeat(SUBJECT_BYTES_MAX)].map((s) => store.current(s)));
      expect(new Set(keys.map(({ key }) => Buffer.from(key).toString('hex'))).size).toBe(5);
    });

    it('finds nothing that never was', async () => {
      await store.current('mem_a');
      expect(await store.find('mem_b', 1)).toBeUndefined();
      for (const version of [0, 2, -1, 1.5, Number.NaN]) expect(await store.find('mem_a', version)).toBeUndefined();
    });

    it('does not let a caller change what is kept', async () => {
      const { key } = await store.current('mem_a');
      const before = Buffer.from(key).toString('hex');
      key.fill(0);
      expect(Buffer.from((await store.current('mem_a')).key).toString('hex')).toBe(before);
    });

    it('erases one subject for ever, and no other', async () => {
      await store.current('mem_a');
      const other = await store.current('mem_b');

      await store.erase('mem_a');
      await store.erase('mem_a');

      for (const restart of [false, true]) {
        if (restart) await reopen();
        await expect(store.current('mem_a')).rejects.toBeInstanceOf(ErasedSubjectError);
        expect(await store.find('mem_a', 1)).toBeUndefined();
        expect(Buffer.from((await store.current('mem_b')).key).equals(other.key)).toBe(true);
      }
    });

    it('never makes a key for a subject that was erased before it had one', async () => {
      await store.erase('mem_a');
      await reopen();
      await expect(store.current('mem_a')).rejects.toBeInstanceOf(ErasedSubjectError);
    });

    it('lets nobody read what was encrypted for an erased subject', async () => {
      const block = await encryptFor(store, 'mem_a', 'ada@example.com', 'event 1');
      const mac = await hmacFor(store, 'mem_a', 'prompt');
      await reopen();
      expect(Buffer.from(await decrypt(store, block, 'event 1')).toString()).toBe('ada@example.com');
      expect(await hmacFor(store, 'mem_a', 'prompt')).toEqual(mac);

      await store.erase('mem_a');

      await expect(decrypt(store, block, 'event 1')).rejects.toBeInstanceOf(ErasedSubjectError);
      await expect(encryptFor(store, 'mem_a', 'new', 'event 2')).rejects.toBeInstanceOf(ErasedSubjectError);
      await expect(hmacFor(store, 'mem_a', 'prompt')).rejects.toBeInstanceOf(ErasedSubjectError);
    });

    it.each(['', 'a\ud800', 'x'.repeat(SUBJECT_BYTES_MAX + 1)])('takes %j for a bug of the caller', async (subject) => {
      await expect(store.current(subject)).rejects.toThrow(RangeError);
      await expect(store.find(subject, 1)).rejects.toThrow(RangeError);
      await expect(store.erase(subject)).rejects.toThrow(RangeError);
    });

    it('is unavailable once closed', async () => {
      await store.current('mem_a');
      await store.close();
      await store.close();
      await expect(store.current('mem_a')).rejects.toBeInstanceOf(KeyStoreUnavailableError);
      await expect(store.find('mem_a', 1)).rejects.toBeInstanceOf(KeyStoreUnavailableError);
      await expect(store.erase('mem_a')).rejects.toBeInstanceOf(KeyStoreUnavailableError);
    });
  });
}
