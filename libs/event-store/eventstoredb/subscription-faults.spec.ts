import type { EncodedEvent, StoredEvent } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { collect, idsOf, someEvents } from '../harness.contract';
import type { SubscribeOptions, Subscription } from '../port';
import { StoreHistoryChangedError } from '../port';
import { parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';
import { AccessRefusedError } from './rpc-failure';

/** What a subscriber saw, and a way to await it. */
class Subscriber {
  readonly seen: StoredEvent[] = [];
  readonly dropped: Error[] = [];
  caughtUpAt = 0n;
  readonly subscription: Subscription;
  #wake: (() => void) | undefined;

  constructor(store: EventStoreDbEventStore, options: Partial<SubscribeOptions> = {}) {
    this.subscription = store.subscribe({
      ...options,
      onEvent: async (event) => {
        await options.onEvent?.(event);
        this.seen.push(event);
        this.#wake?.();
      },
      onCaughtUp: (position) => {
        this.caughtUpAt = position;
        this.#wake?.();
      },
      onDropped: (reason) => {
        this.dropped.push(reason);
        this.#wake?.();
      },
    });
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  untilSeen(events: readonly EncodedEvent[]): Promise<void> {
    return this.until(() => this.seen.length >= events.length);
  }
}

describe('A subscription', () => {
  let double: EventStoreDbDouble;
  let store: EventStoreDbEventStore;
  const appended: EncodedEvent[] = [];

  beforeEach(async () => {
    double = await EventStoreDbDouble.start();
    store = new EventStoreDbEventStore(parseConnectionString(double.connectionString));
    appended.length = 0;
  });

  afterEach(async () => {
    await store.close();
    await double.dispose();
  });

  /** Writes at the server, past any broken connection. */
  function append(count: number, stream = 'ledger-a'): void {
    const events = someEvents(count);
    appended.push(...events);
    double.append(stream, events);
  }

  it.each<{ what: string; fault: () => Promise<void> | void }>([
    { what: 'its connection is cut', fault: () => double.cutConnections() },
    { what: 'the server drops it as too slow', fault: () => double.dropSubscriptions() },
    {
      what: 'the server is killed and comes back',
      fault: async () => {
        await double.kill();
        append(3);
        await double.startAgain();
      },
    },
    {
      what: 'the server stops in good order and comes back',
      fault: async () => {
        await double.stop();
        append(3);
        await double.startAgain();
      },
    },
  ])('loses and doubles nothing when $what', async ({ fault }) => {
    append(40);
    const subscriber = new Subscriber(store, { streamPrefixes: ['ledger-'] });
    for (let round = 0; round < 3; round += 1) {
      await fault();
      append(7, round % 2 === 0 ? 'ledger-b' : 'ledger-a');
      append(1);
      await subscriber.untilSeen(appended);
    }

    expect(idsOf(subscriber.seen)).toEqual(idsOf(appended));
    expect(subscriber.dropped).toEqual([]);
  });

  it('survives cuts in the middle of history', async () => {
    append(1_500);
    const subscriber = new Subscriber(store, {
      onEvent: () => {
        if (subscriber.seen.length % 400 === 200) double.cutConnections();
      },
    });
    await subscriber.untilSeen(appended);
    expect(idsOf(subscriber.seen)).toEqual(idsOf(appended));
  });

  it('does not search again what it has searched: the server tells it how far it came', async () => {
    append(1);
    const subscriber = new Subscriber(store, { streamPrefixes: ['ledger-'] });
    await subscriber.untilSeen(appended);
    const seenAt = subscriber.seen[0]?.position ?? 0n;
    double.append('other-a', someEvents(2_000));
    await subscriber.until(() => subscriber.caughtUpAt > seenAt);

    double.cutConnections();
    append(1);
    await subscriber.untilSeen(appended);

    expect(idsOf(subscriber.seen)).toEqual(idsOf(appended));
    expect(double.subscribedAfter.at(-1)).toBeGreaterThan(seenAt);
  });

  it('notices at once when the store was restored to an older state', async () => {
    append(5);
    const backup = double.backUp();
    append(5);
    const subscriber = new Subscriber(store);
    await subscriber.untilSeen(appended);

    await double.restore(backup);
    await subscriber.until(() => subscriber.dropped.length > 0);

    expect(subscriber.dropped).toEqual([expect.any(StoreHistoryChangedError)]);
    expect(subscriber.dropped[0]?.message).toMatch(/restored to an older state or replaced/);
    expect(subscriber.seen).toHaveLength(10);
  });

  it('notices it too when others have written past the old position since', async () => {
    append(5);
    const backup = double.backUp();
    append(5);
    const subscriber = new Subscriber(store);
    await subscriber.untilSeen(appended);

    await double.kill();
    await double.restore(backup, () => double.append('ledger-a', someEvents(50)));
    await subscriber.until(() => subscriber.dropped.length > 0);

    expect(subscriber.dropped).toEqual([expect.any(StoreHistoryChangedError)]);
    expect(subscriber.seen).toHaveLength(10);
  });

  it('refuses to begin at a position that the store does not have', async () => {
    append(3);
    for (const after of [1_000_000n, (await store.lastPosition()) - 1n]) {
      const subscriber = new Subscriber(store, { after });
      await subscriber.until(() => subscriber.dropped.length > 0);
      expect(subscriber.dropped).toEqual([expect.any(StoreHistoryChangedError)]);
      await expect(collect(store.readAll({ after }))).rejects.toBeInstanceOf(StoreHistoryChangedError);
      expect(await store.eventIdAt(after)).toBeUndefined();
    }
  });

  it('skips nothing where the event that it saw last was scavenged meanwhile', async () => {
    append(2, 'ledger-kept');
    append(1, 'ledger-deleted');
    const subscriber = new Subscriber(store);
    await subscriber.untilSeen(appended);

    await double.kill();
    append(2, 'ledger-kept');
    double.softDelete('ledger-deleted');
    double.scavenge();
    await double.startAgain();
    await subscriber.untilSeen(appended);
    append(1, 'ledger-kept');
    await subscriber.untilSeen(appended);

    expect(idsOf(subscriber.seen)).toEqual(idsOf(appended));
    expect(subscriber.dropped).toEqual([]);
  });

  it('ends when it never had access, and waits for access to return when it had', async () => {
    append(1);
    const lasting = new Subscriber(store);
    await lasting.until(() => lasting.caughtUpAt > 0n);
    double.access.refused = true;
    double.cutConnections();
    const refused = new Subscriber(store);

    await refused.until(() => refused.dropped.length > 0);
    expect(refused.dropped).toEqual([expect.any(AccessRefusedError)]);

    double.access.refused = false;
    append(1);
    await lasting.untilSeen(appended);
    expect(lasting.dropped).toEqual([]);
  });

  it('that begins while the server is down begins when it is there', async () => {
    append(3);
    await double.kill();
    const subscriber = new Subscriber(store);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await double.startAgain();
    await subscriber.untilSeen(appended);
    expect(idsOf(subscriber.seen)).toEqual(idsOf(appended));
  });

  it.each<{ what: string; fault: () => Promise<void> | void }>([
    { what: 'down', fault: () => double.kill() },
    {
      what: 'stalled',
      fault: () => {
        double.stall();
        double.cutConnections();
      },
    },
  ])('closes at once when the server is $what', async ({ fault }) => {
    append(1);
    const subscriber = new Subscriber(store);
    await subscriber.untilSeen(appended);
    await fault();
    append(1);
    // By now it is trying to connect again.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const started = Date.now();
    await subscriber.subscription.close();
    // Waiting for an answer would take ten seconds.
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(subscriber.dropped).toEqual([]);
  });
});
