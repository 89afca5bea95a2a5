import { createHash } from 'node:crypto';
import type { EventStoreReader } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import type { StoredEvent } from '#kernel';
import { compareRecords } from './compare-records';
import { differenceSentence, isSameEvent } from './difference';
import { RecordDigest } from './record-digest';
import { eventNumber, record, streamOf } from './spec-kit';

async function storeWith(streams: Iterable<string>, first = 0): Promise<MemoryEventStore> {
  const store = new MemoryEventStore();
  await record(store, streams, first);
  return store;
}

async function difference(source: EventStoreReader, target: EventStoreReader): Promise<string> {
  const { difference } = await compareRecords({ source, target });
  return difference === undefined ? 'none' : differenceSentence(difference);
}

describe('a comparison', () => {
  it('of equal records gives equal digests, counts of events and of streams', async () => {
    const [source, target] = [await storeWith(['a', 'b', 'a']), await storeWith(['a', 'b', 'a'])];
    const comparison = await compareRecords({ source, target });
    expect(comparison.difference).toBeUndefined();
    expect(comparison.source).toMatchObject({ events: 3, streams: 2, position: 3n });
    expect(comparison.target).toEqual(comparison.source);
  });

  it('of two empty stores finds none', async () => {
    expect(await difference(new MemoryEventStore(), new MemoryEventStore())).toBe('none');
  });

  it('names the first difference and still counts both stores to their ends', async () => {
    const [source, target] = [await storeWith(['a', 'b']), await storeWith(['a', 'b', 'c'], 5)];
    const comparison = await compareRecords({ source, target });
    expect(comparison.difference).toMatchObject({ kind: 'other-event', index: 0 });
    expect(comparison.source.events).toBe(2);
    expect(comparison.target.events).toBe(3);
    expect(comparison.source.digest).not.toBe(comparison.target.digest);
  });

  it('says which of the two ends before the other', async () => {
    const [short, long] = [await storeWith(['a']), await storeWith(['a', 'b'])];
    expect(await difference(short, long)).toMatch(/^the source ends after 1 events, but the target goes on with/);
    expect(await difference(long, short)).toMatch(/^the target ends after 1 events, but the source goes on with/);
  });

  it('reads each stream by itself as well, since a store keeps an index beside its order', async () => {
    const [source, target] = [await storeWith(['a', 'b']), await storeWith(['a', 'b'])];
    const broken: EventStoreReader = {
      readAll: (options) => target.readAll(options),
      readStream: (stream, options) => (stream === 'b' ? nothing() : target.readStream(stream, options)),
      streamNames: (prefix) => target.streamNames(prefix),
      lastPosition: () => target.lastPosition(),
      close: () => target.close(),
    };
    expect(await difference(source, broken)).toMatch(/^the target does not show \S+ at b@0 when that stream/);
  });
});

async function* nothing(): AsyncGenerator<StoredEvent> {}

describe('the digest of a record', () => {
  it('is SHA-256 over length-prefixed fields, as anybody can compute it', () => {
    const { id, type, body } = eventNumber(1);
    const digest = new RecordDigest();
    digest.add({ id, type, body, stream: streamOf('ledger-ä'), revision: 258n, position: 9n });
    const sized = (bytes: Uint8Array) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
    const input = Buffer.concat([
      Buffer.from('aiaas-record-v1\n'),
      sized(Buffer.from('ledger-ä')),
      Buffer.from([0, 0, 0, 0, 0, 0, 1, 2]),
      sized(Buffer.from(id)),
      sized(Buffer.from(type)),
      sized(body),
    ]);
    expect(digest.finish()).toBe(createHash('sha256').update(input).digest('hex'));
  });

  it.each([
    ['stream', { stream: streamOf('b') }],
    ['revision', { revision: 1n }],
    ['id', { id: eventNumber(2).id }],
    ['type', { type: 'Other' }],
    ['body', { body: Buffer.from('{"other":1}') }],
  ])('changes with the %s of an event, as equality does', (_, change) => {
    const event: StoredEvent = { ...eventNumber(1), stream: streamOf('a'), revision: 0n, position: 1n };
    const digestOf = (one: StoredEvent): string => {
      const digest = new RecordDigest();
      digest.add(one);
      return digest.finish();
    };
    expect(digestOf({ ...event, ...change })).not.toBe(digestOf(event));
    expect(digestOf({ ...event, position: 2n })).toBe(digestOf(event));
    expect(isSameEvent(event, { ...event, ...change })).toBe(false);
    expect(isSameEvent(event, { ...event, position: 2n })).toBe(true);
  });
});
