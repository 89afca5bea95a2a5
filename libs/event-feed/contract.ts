import { randomBytes } from 'node:crypto';
import { canonicalJson, composeEventId, composeId, type EncodedEvent, type StreamName } from '#kernel';
import { partitionKeyOf } from './partition-key';
import { type EventFeed, type FeedBatch, FeedClosedError } from './port';

export interface FeedFixture {
  readonly feed: EventFeed;
  /** Adds events to the record that the feed delivers from, and lets the feed know. */
  append(stream: StreamName, events: readonly EncodedEvent[]): Promise<void>;
  dispose?(): Promise<void>;
}
/** A small batch size, so that a handful of events makes several batches. */
export type MakeFeed = (batchEventsMax: number) => Promise<FeedFixture>;

const BATCH_EVENTS_MAX = 4;

function someEvents(count: number): EncodedEvent[] {
  return Array.from({ length: count }, () => {
    const id = composeEventId(Date.now(), randomBytes(10));
    const body = canonicalJson({ actor: { type: 'system', id: 'contract' }, at: '', data: {}, id, type: 'Fed', v: 1 });
    return { id, type: 'Fed', body: new TextEncoder().encode(body) };
  });
}

function someStream(): StreamName {
  return `ledger-${composeId('org', Date.now(), randomBytes(10))}` as StreamName;
}

/** A consumer that keeps what it got and can be awaited. */
class Collector {
  readonly batches: FeedBatch[] = [];
  readonly errors: Error[] = [];
  readonly checkpoints = new Map<string, bigint>();
  running = 0;
  runningMost = 0;
  #waiters: { until: () => boolean; resolve: () => void }[] = [];

  constructor(private readonly handle: (batch: FeedBatch) => Promise<void> = async () => undefined) {}

  get ids(): string[] {
    return this.batches.flatMap(({ events }) => events.map(({ id }) => id));
  }

  readonly options = {
    checkpoint: async (partition: string) => this.checkpoints.get(partition) ?? 0n,
    onBatch: async (batch: FeedBatch) => {
      this.running += 1;
      this.runningMost = Math.max(this.runningMost, this.running);
      try {
        this.batches.push(batch);
        await this.handle(batch);
        this.checkpoints.set(batch.partition, batch.through);
      } finally {
        this.running -= 1;
        this.#check();
      }
    },
    onError: (error: Error) => {
      this.errors.push(error);
      this.#check();
    },
  };

  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ until: condition, resolve });
    });
  }

  #check(): void {
    const done = this.#waiters.filter(({ until }) => until());
    this.#waiters = this.#waiters.filter((waiter) => !done.includes(waiter));
    for (const { resolve } of done) resolve();
  }
}

/** Every guarantee of the port, as tests that each adapter runs in full. */
export function eventFeedContract(name: string, make: MakeFeed): void {
  describe(`${name} keeps the contract of an event feed`, () => {
    let fixture: FeedFixture;
    beforeEach(async () => {
      fixture = await make(BATCH_EVENTS_MAX);
    });
    afterEach(async () => {
      await fixture.feed.close();
      await fixture.dispose?.();
    });
    describe('a consumer', () => consumerContract(() => fixture));
    describe('a replay', () => replayContract(() => fixture));
  });
}

function consumerContract(given: () => FeedFixture): void {
  it('gets history and then what is appended, each event in its order, in bounded batches', async () => {
    const stream = someStream();
    const [history, later] = [someEvents(11), someEvents(6)];
    await given().append(stream, history);
    const collector = new Collector();

    given().feed.consume(collector.options);
    await collector.until(() => collector.ids.length === 11);
    await given().append(stream, later);
    await collector.until(() => collector.ids.length === 17);

    expect(collector.ids).toEqual([...history, ...later].map(({ id }) => id));
    for (const { events, through } of collector.batches) {
      expect(events.length).toBeLessThanOrEqual(BATCH_EVENTS_MAX);
      expect(through).toBeGreaterThanOrEqual(events.at(-1)?.position ?? 0n);
    }
  });

  it('hears that it has caught up, on an empty record too', async () => {
    const collector = new Collector();
    given().feed.consume(collector.options);
    await collector.until(() => collector.batches.some(({ atEnd }) => atEnd));
    expect(collector.ids).toEqual([]);

    await given().append(someStream(), someEvents(9));
    await collector.until(() => collector.ids.length === 9 && collector.batches.at(-1)?.atEnd === true);
    expect(collector.batches.slice(1, -1).some(({ atEnd, events }) => atEnd && events.length === 0)).toBe(false);
  });

  it('gets one batch at a time, and the next only once it is done', async () => {
    const collector = new Collector(() => new Promise((resolve) => setImmediate(resolve)));
    await given().append(someStream(), someEvents(20));
    given().feed.consume(collector.options);
    await collector.until(() => collector.ids.length === 20);
    expect(collector.runningMost).toBe(1);
  });

  it('begins after its checkpoint', async () => {
    const events = someEvents(10);
    await given().append(someStream(), events);
    const first = new Collector();
    const consumer = given().feed.consume(first.options);
    await first.until(() => first.ids.length === 10);
    await consumer.close();
    const after = first.batches.at(0);

    const second = new Collector();
    if (after !== undefined) second.checkpoints.set(after.partition, after.through);
    given().feed.consume(second.options);
    await second.until(() => second.ids.length === 10 - (after?.events.length ?? 0));

    expect(second.ids).toEqual(events.slice(after?.events.length).map(({ id }) => id));
  });

  it('gets a batch again when it failed, from its checkpoint, and loses none', async () => {
    let failures = 0;
    const collector = new Collector(async ({ events }) => {
      if (events.length > 0 && failures < 3) {
        failures += 1;
        throw new Error(`failure ${failures}`);
      }
    });
    const events = someEvents(6);
    await given().append(someStream(), events);

    given().feed.consume(collector.options);
    await collector.until(
      () => [...collector.checkpoints.values()].some((position) => position > 0n) && new Set(collector.ids).size === 6,
    );

    expect(collector.errors.map(({ message }) => message)).toEqual(['failure 1', 'failure 2', 'failure 3']);
    expect(new Set(collector.ids)).toEqual(new Set(events.map(({ id }) => id)));
    expect(collector.ids.length).toBeGreaterThan(6);
  });

  it('is left alone once closed, and closing waits for the handler', async () => {
    let finished = false;
    const collector = new Collector(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      finished = true;
    });
    await given().append(someStream(), someEvents(3));
    const consumer = given().feed.consume(collector.options);
    await collector.until(() => collector.ids.length > 0);
    await consumer.close();
    expect(finished).toBe(true);
    const seen = collector.batches.length;

    await given().append(someStream(), someEvents(3));
    await given().feed.close();

    expect(collector.batches).toHaveLength(seen);
    expect(() => given().feed.consume(collector.options)).toThrow(FeedClosedError);
  });

  it('shares nothing with another consumer', async () => {
    const [fast, slow] = [new Collector(), new Collector(() => new Promise((resolve) => setImmediate(resolve)))];
    given().feed.consume(fast.options);
    given().feed.consume(slow.options);
    await given().append(someStream(), someEvents(9));
    await Promise.all([fast, slow].map((one) => one.until(() => one.ids.length === 9)));
    expect(slow.ids).toEqual(fast.ids);
  });

  it('finds all events of one organization in one partition', async () => {
    const [mine, other] = [someStream(), someStream()];
    for (let round = 0; round < 3; round += 1) {
      await given().append(mine, someEvents(2));
      await given().append(other, someEvents(1));
    }
    const collector = new Collector();
    given().feed.consume(collector.options);
    await collector.until(() => collector.ids.length === 9);

    const partitions = new Map<string, Set<string>>();
    for (const { partition, events } of collector.batches)
      for (const event of events) {
        const key = partitionKeyOf(event);
        partitions.set(key, (partitions.get(key) ?? new Set()).add(partition));
      }
    expect([...partitions.keys()].sort()).toEqual([mine, other].map((stream) => stream.slice('ledger-'.length)).sort());
    for (const places of partitions.values()) expect(places.size).toBe(1);
  });
}

function replayContract(given: () => FeedFixture): void {
  it('reads a stretch of history, both ends exact, and ends', async () => {
    const events = someEvents(13);
    await given().append(someStream(), events);
    const collector = new Collector();
    const consumer = given().feed.consume(collector.options);
    await collector.until(() => collector.ids.length === 13);
    await consumer.close();
    const positions = collector.batches.flatMap((batch) => batch.events.map(({ position }) => position));
    const [after = 0n, through = 0n] = [positions[2], positions[10]];

    const seen: string[] = [];
    let reached = 0n;
    for await (const batch of given().feed.replay({ after, through })) {
      expect(batch.events.length).toBeLessThanOrEqual(BATCH_EVENTS_MAX);
      seen.push(...batch.events.map(({ id }) => id));
      reached = batch.through;
    }

    expect(seen).toEqual(events.slice(3, 11).map(({ id }) => id));
    expect(reached).toBe(through);
  });

  it('of nothing gives nothing', async () => {
    for await (const batch of given().feed.replay({ after: 5n, through: 5n })) expect(batch).toBeUndefined();
  });
}
