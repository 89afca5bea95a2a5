import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { StreamName } from '#kernel';
import { collect, idsOf, someEvent, someEvents } from '../harness.contract';
import { AppendOutcomeUnknownError, StoreUnavailableError } from '../port';
import { metaKey, recordKey } from './layout';
import { openLmdbEventStore } from './lmdb-event-store';
import { openLmdbEventStoreReader } from './lmdb-event-store-reader';
import { StoreOpenError } from './store-open-error';

const NOBODY = 65_534;
const stream = 'opened' as StreamName;
const work = mkdtempSync(join(tmpdir(), 'event-store-open-'));
let directories = 0;
let directory = '';
beforeEach(() => {
  directories += 1;
  directory = join(work, `store-${directories}`);
});
afterAll(() => rmSync(work, { recursive: true }));

function openingError(): string {
  try {
    void openLmdbEventStore({ directory }).close();
  } catch (error) {
    if (error instanceof StoreOpenError) return error.message;
    throw error;
  }
  throw new Error('it opened');
}

/** Writes into the table behind the store's back. */
async function tamper(key: Buffer, value: Buffer): Promise<void> {
  const table = open({ path: join(directory, 'events.mdb'), encoding: 'binary', keyEncoding: 'binary' });
  await table.put(key, value);
  await table.close();
}

describe('opening', () => {
  it('makes the directory, and gives the store an id that it keeps', async () => {
    directory = join(directory, 'deeply', 'nested');
    const store = openLmdbEventStore({ directory });
    await store.close();
    const again = openLmdbEventStore({ directory });
    await again.close();
    const other = openLmdbEventStore({ directory: `${directory}-other` });
    await other.close();

    expect(store.storeId).toMatch(/^[0-9a-f]{32}$/);
    expect(again.storeId).toBe(store.storeId);
    expect(other.storeId).not.toBe(store.storeId);
  });

  it('refuses a directory that is open already, until that store is closed', async () => {
    const first = openLmdbEventStore({ directory });
    expect(openingError()).toMatch(/is in use by another process; stop that one first/);
    await first.append(stream, 'no-stream', someEvents(1));
    await first.close();
    await openLmdbEventStore({ directory }).close();
  });

  it('refuses a path that is no directory', () => {
    writeFileSync(directory, 'a file');
    expect(openingError()).toBe(`${directory} is not a directory`);
    directory = join(directory, 'below');
    expect(openingError()).toBe(`${directory} is not a directory`);
  });

  it('refuses a directory that this user cannot write', () => {
    // A privileged user may write everywhere, so the test becomes somebody else for a moment.
    const privileged = process.getuid?.() === 0;
    mkdirSync(directory, { mode: 0o555 });
    if (privileged) process.seteuid?.(NOBODY);
    try {
      expect(openingError()).toMatch(/cannot be written by this user; change its owner/);
    } finally {
      if (privileged) process.seteuid?.(0);
    }
  });

  it('refuses a store of a newer format, and leaves it alone', async () => {
    await openLmdbEventStore({ directory }).close();
    await tamper(metaKey('format'), Buffer.from([0, 0, 0, 7]));

    expect(openingError()).toMatch(/written by a newer version of this program \(format 7; this one knows 1\)/);
    // The refusal has given up its claim.
    await tamper(metaKey('format'), Buffer.from([0, 0, 0, 1]));
    await openLmdbEventStore({ directory }).close();
  });

  it.each([
    { what: 'a file of something else', content: Buffer.alloc(20_000, 'something else ') },
    { what: 'the beginning of a file', content: Buffer.from('x') },
  ])('refuses $what', ({ content }) => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'events.mdb'), content);
    expect(openingError()).toContain('events.mdb is not an event store or is damaged');
    expect(() => openLmdbEventStoreReader(directory)).toThrow(StoreOpenError);
  });

  it("refuses another program's table", async () => {
    mkdirSync(directory);
    await tamper(Buffer.from('their key'), Buffer.from('their value'));
    expect(openingError()).toContain('events.mdb is not an event store; give another directory');
  });
});

describe('a reader', () => {
  it('reads beside the writer, and cannot be opened where there is no store', async () => {
    expect(() => openLmdbEventStoreReader(directory)).toThrow(`there is no event store in ${directory}`);
    const store = openLmdbEventStore({ directory });
    const reader = openLmdbEventStoreReader(directory);
    const events = someEvents(3);
    await store.append(stream, 'no-stream', events);

    expect(reader.storeId).toBe(store.storeId);
    expect(await reader.lastPosition()).toBe(3n);
    expect(idsOf(await collect(reader.readStream(stream)))).toEqual(idsOf(events));
    expect(await collect(reader.streamNames('open'))).toEqual([stream]);

    await reader.close();
    await expect(reader.lastPosition()).rejects.toBeInstanceOf(StoreUnavailableError);
    await store.append(stream, 2n, [someEvent()]);
    expect(await collect(store.readAll({ after: 2n }))).toHaveLength(2);
    await store.close();
  });
});

describe('a second writer that got past the lock', () => {
  it('is noticed inside the transaction: nothing is written and the process is told to end', async () => {
    const sentences: string[] = [];
    const store = openLmdbEventStore({ directory, onFatal: (sentence) => sentences.push(sentence) });
    await store.append(stream, 'no-stream', someEvents(1));
    await tamper(recordKey(2), Buffer.alloc(12));

    await expect(store.append(stream, 0n, someEvents(1))).rejects.toBeInstanceOf(AppendOutcomeUnknownError);

    expect(sentences).toEqual(['the event store can no longer write: another process has written to it']);
    expect(await collect(store.readStream(stream))).toHaveLength(1);
    await expect(store.append(stream, 0n, someEvents(1))).rejects.toBeInstanceOf(StoreUnavailableError);
    await store.close();
  });
});

describe('a disk that is nearly full', () => {
  it('refuses appends and can still be read', async () => {
    const before = openLmdbEventStore({ directory });
    await before.append(stream, 'no-stream', someEvents(2));
    await before.close();
    const store = openLmdbEventStore({ directory, diskFreeBytesMin: Number.MAX_SAFE_INTEGER });

    const append = store.append(stream, 1n, someEvents(1));

    await expect(append).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(append).rejects.toThrow(/bytes free; nothing was written, make room and try again/);
    expect(await collect(store.readStream(stream))).toHaveLength(2);
    await store.close();
  });
});
