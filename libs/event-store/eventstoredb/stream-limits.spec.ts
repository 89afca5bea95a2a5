import { randomUUID } from 'node:crypto';
import type { StreamName } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { collect, revisionsOf, someEvent, someEvents } from '../harness.contract';
import { StoreUnavailableError } from '../port';
import { parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';

const url = process.env.EVENTSTOREDB_URL;

let double: EventStoreDbDouble | undefined;
let store: EventStoreDbEventStore;
let stream: StreamName;

beforeAll(async () => {
  if (url === undefined) double = await EventStoreDbDouble.start();
});
beforeEach(() => {
  store = new EventStoreDbEventStore(parseConnectionString(url ?? double?.connectionString ?? ''));
  stream = `limits-${randomUUID()}` as StreamName;
});
afterEach(() => store.close());
afterAll(async () => {
  await double?.dispose();
});

describe('limiting a stream', () => {
  it('shows the newest events alone, and revisions go on', async () => {
    await store.append(stream, 'no-stream', someEvents(3));
    await store.limitStream(stream, { maxCount: 2 });
    expect(revisionsOf(await collect(store.readStream(stream)))).toEqual([1n, 2n]);
    expect(await store.append(stream, 2n, [someEvent()])).toMatchObject({ revision: 3n });
    expect(revisionsOf(await collect(store.readStream(stream)))).toEqual([2n, 3n]);
  });

  it('may be said before the stream begins, which it does not begin by that', async () => {
    await store.limitStream(stream, { maxCount: 1, maxAgeSeconds: 3_600 });
    await store.append(stream, 'no-stream', [someEvent()]);
    await store.append(stream, 0n, [someEvent()]);
    expect(revisionsOf(await collect(store.readStream(stream)))).toEqual([1n]);
  });

  it('replaces earlier limits', async () => {
    await store.append(stream, 'no-stream', someEvents(3));
    await store.limitStream(stream, { maxCount: 1 });
    await store.limitStream(stream, { maxAgeSeconds: 3_600 });
    expect(revisionsOf(await collect(store.readStream(stream)))).toEqual([0n, 1n, 2n]);
  });

  it('leaves hidden events to those who follow all of them', async () => {
    const after = await store.lastPosition();
    await store.append(stream, 'no-stream', someEvents(3));
    await store.limitStream(stream, { maxCount: 1 });
    const all = await collect(store.readAll({ after, streamPrefixes: [stream] }));
    expect(revisionsOf(all)).toEqual([0n, 1n, 2n]);
  });

  it('keeps a repeat of the newest event exact', async () => {
    const event = someEvent();
    await store.limitStream(stream, { maxCount: 1 });
    await store.append(stream, 'no-stream', [someEvent()]);
    const first = await store.append(stream, 0n, [event]);
    expect(await store.append(stream, 0n, [event])).toEqual(first);
  });

  it.each([{ maxCount: 0 }, { maxCount: 1.5 }, { maxAgeSeconds: -1 }, { maxAgeSeconds: 2 ** 31 }])(
    'refuses %p',
    async (limits) => {
      await expect(store.limitStream(stream, limits)).rejects.toThrow(RangeError);
    },
  );

  it('is refused once the store is closed', async () => {
    await store.close();
    await expect(store.limitStream(stream, { maxCount: 1 })).rejects.toThrow(StoreUnavailableError);
    await expect(store.recordedAt(stream, 0n)).rejects.toThrow(StoreUnavailableError);
  });
});

describe("the server's own time of an event", () => {
  it('is between sending it and its answer, where both clocks are one', async () => {
    const sentAt = Date.now();
    const { revision } = await store.append(stream, 'no-stream', someEvents(3));
    const answeredAt = Date.now();
    const recordedAt = await store.recordedAt(stream, revision);
    expect(recordedAt).toBeGreaterThanOrEqual(sentAt);
    expect(recordedAt).toBeLessThanOrEqual(answeredAt);
  });

  it('is that of this very event', async () => {
    await store.append(stream, 'no-stream', [someEvent()]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await store.append(stream, 0n, [someEvent()]);
    const [first, second] = [await store.recordedAt(stream, 0n), await store.recordedAt(stream, 1n)];
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(15);
  });

  it('is unknown for an event that is not there, or no longer', async () => {
    expect(await store.recordedAt(stream, 0n)).toBeUndefined();
    await store.append(stream, 'no-stream', someEvents(2));
    await store.limitStream(stream, { maxCount: 1 });
    expect(await store.recordedAt(stream, 0n)).toBeUndefined();
    expect(await store.recordedAt(stream, 1n)).toBeDefined();
    expect(await store.recordedAt(stream, 2n)).toBeUndefined();
  });
});
