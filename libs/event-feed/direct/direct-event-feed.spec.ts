import { MemoryEventStore } from '#event-store/memory';
import { composeEventId, type EncodedEvent, type StreamName } from '#kernel';
import { eventFeedContract } from '../contract';
import type { FeedBatch } from '../port';
import { DirectEventFeed } from './direct-event-feed';

eventFeedContract('DirectEventFeed', async (batchEventsMax) => {
  const store = new MemoryEventStore();
  // Polling is out of the way, so that a wake-up that got lost would hang the test.
  const feed = new DirectEventFeed(store, { batchEventsMax, pollMs: 3_600_000, retryMs: 1 });
  return {
    feed,
    append: async (stream, events) => {
      await store.append(stream, 'any', events);
      feed.poke();
    },
    dispose: () => store.close(),
  };
});

const STREAM = 'ledger-x' as StreamName;

function eventOf(bytes: number, serial: number): EncodedEvent {
  return { id: composeEventId(serial, new Uint8Array(10)), type: 'Fed', body: new Uint8Array(bytes) };
}

async function batchesOf(store: MemoryEventStore, feed: DirectEventFeed): Promise<FeedBatch[]> {
  const batches: FeedBatch[] = [];
  for await (const batch of feed.replay({ after: 0n, through: await store.lastPosition() })) batches.push(batch);
  await feed.close();
  return batches;
}

describe('the direct feed', () => {
  it('bounds batches by bytes too', async () => {
    const store = new MemoryEventStore();
    await store.append(STREAM, 'any', [10, 10, 10, 99, 10].map(eventOf));
    const batches = await batchesOf(store, new DirectEventFeed(store, { batchBytesMax: 20 }));
    expect(batches.map(({ events }) => events.map(({ body }) => body.length))).toEqual([[10, 10], [10, 99], [10]]);
  });

  it('finds by itself what nobody told it of', async () => {
    const store = new MemoryEventStore();
    const feed = new DirectEventFeed(store, { pollMs: 5 });
    const event = eventOf(10, 1);
    const seen = new Promise<string | undefined>((resolve) => {
      feed.consume({
        checkpoint: async () => 0n,
        onBatch: async ({ events }) => {
          if (events.length > 0) resolve(events[0]?.id);
        },
        onError: () => undefined,
      });
    });
    await store.append(STREAM, 'any', [event]);
    expect(await seen).toBe(event.id);
    await feed.close();
  });
});
