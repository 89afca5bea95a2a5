import * as fc from 'fast-check';
import { CachedKeyStore } from './cached-key-store';
import { keyStoreContract } from './contract';
import { decrypt, encryptFor, hmacFor, UndecipherableError } from './envelope';
import { MemoryKeyStore } from './memory';
import { type DataKey, ErasedSubjectError, type KeyStore } from './port';

describe('the envelope', () => {
  const keyStore = new MemoryKeyStore();

  it('gives back what was encrypted, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string(), async (plaintext, aad) => {
        const block = await encryptFor(keyStore, 'mem_a', plaintext, aad);
        expect(Buffer.from(await decrypt(keyStore, block, aad)).equals(plaintext)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('names subject and key version, and hides equality', async () => {
    const first = await encryptFor(keyStore, 'mem_a', 'ada@example.com', 'event 1');
    const second = await encryptFor(keyStore, 'mem_a', 'ada@example.com', 'event 1');
    expect(first).toEqual({ subject: 'mem_a', keyVersion: 1, ciphertext: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) });
    expect(Buffer.from(first.ciphertext, 'base64')).toHaveLength(12 + 15 + 16);
    expect(first.ciphertext).not.toBe(second.ciphertext);
  });

  it('notices every changed bit, another place and another subject', async () => {
    const block = await encryptFor(keyStore, 'mem_a', 'ada@example.com', 'event 1');
    await keyStore.current('mem_b');
    const bytes = Buffer.from(block.ciphertext, 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] ?? 0) ^ 1;
      const changed = { ...block, ciphertext: altered.toString('base64') };
      await expect(decrypt(keyStore, changed, 'event 1')).rejects.toBeInstanceOf(UndecipherableError);
    }
    await expect(decrypt(keyStore, block, 'event 2')).rejects.toBeInstanceOf(UndecipherableError);
    const moved = { ...block, subject: 'mem_b' };
    await expect(decrypt(keyStore, moved, 'event 1')).rejects.toBeInstanceOf(UndecipherableError);
    await expect(decrypt(keyStore, { ...block, ciphertext: 'AAAA' }, 'event 1')).rejects.toThrow(
      /was altered or moved/,
    );
  });

  it('authenticates under a key of the subject', async () => {
    const mac = await hmacFor(keyStore, 'org_a', 'prompt');
    expect(mac).toHaveLength(32);
    expect(await hmacFor(keyStore, 'org_a', Buffer.from('prompt'))).toEqual(mac);
    expect(await hmacFor(keyStore, 'org_a', 'prompt!')).not.toEqual(mac);
    expect(await hmacFor(keyStore, 'org_b', 'prompt')).not.toEqual(mac);
  });
});

keyStoreContract('CachedKeyStore', async () => ({ store: new CachedKeyStore(new MemoryKeyStore()) }));

describe('CachedKeyStore', () => {
  class CountingKeyStore extends MemoryKeyStore {
    reads = 0;
    override current(subject: string): Promise<DataKey> {
      this.reads += 1;
      return super.current(subject);
    }
    override find(subject: string, version: number): Promise<DataKey | undefined> {
      this.reads += 1;
      return super.find(subject, version);
    }
  }

  it('asks the store once for what is used again and again', async () => {
    const inner = new CountingKeyStore();
    const store = new CachedKeyStore(inner);
    for (let round = 0; round < 5; round += 1) {
      const block = await encryptFor(store, 'mem_a', 'text', 'aad');
      await decrypt(store, block, 'aad');
    }
    expect(inner.reads).toBe(1);
  });

  it('keeps the subjects used last, and no more than its bound', async () => {
    const inner = new CountingKeyStore();
    const store = new CachedKeyStore(inner, 2);
    for (const subject of ['a', 'b', 'a', 'c', 'a', 'c']) await store.current(subject);
    expect(inner.reads).toBe(3);
    await store.current('b');
    expect(inner.reads).toBe(4);
  });

  it('forgets an erased subject even if it was being read meanwhile', async () => {
    const inner: KeyStore = new MemoryKeyStore();
    let release: () => void = () => undefined;
    const slow: KeyStore = {
      current: async (subject) => {
        const key = await inner.current(subject);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return key;
      },
      find: (subject, version) => inner.find(subject, version),
      erase: (subject) => inner.erase(subject),
      close: () => inner.close(),
    };
    const store = new CachedKeyStore(slow);
    const reading = store.current('mem_a');
    await new Promise((resolve) => setImmediate(resolve));
    await store.erase('mem_a');
    release();
    await reading;

    await expect(store.current('mem_a')).rejects.toBeInstanceOf(ErasedSubjectError);
    expect(await store.find('mem_a', 1)).toBeUndefined();
  });
});
