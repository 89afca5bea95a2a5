import type { EventStore } from '#event-store';
import type { StoredEvent } from '#kernel';
import {
  type ConsumeOptions,
  type EventFeed,
  type FeedBatch,
  FeedClosedError,
  type FeedConsumer,
  type ReplayOptions,
} from '../port';
import { DirectConsumer } from './direct-consumer';
import { DEFAULT_DIRECT_FEED_SETTINGS, DIRECT_PARTITION, type DirectFeedSettings } from './settings';

/** What the feed needs of an event store, whoever writes to it. */
export type FeedSource = Pick<EventStore, 'readAll'>;

/** Delivers straight from an event store that this thread can read: pulled in batches, woken by `poke`. */
export class DirectEventFeed implements EventFeed {
  readonly #settings: DirectFeedSettings;
  readonly #consumers = new Set<DirectConsumer>();
  #closed = false;

  constructor(
    private readonly source: FeedSource,
    settings: Partial<DirectFeedSettings> = {},
  ) {
    this.#settings = { ...DEFAULT_DIRECT_FEED_SETTINGS, ...settings };
  }

  consume(options: ConsumeOptions): FeedConsumer {
    this.#assertOpen();
    const consumer = new DirectConsumer(
      (after) => this.#read(after, this.#settings.batchEventsMax),
      options,
      this.#settings,
    );
    this.#consumers.add(consumer);
    return {
      close: async () => {
        await consumer.close();
        this.#consumers.delete(consumer);
      },
    };
  }

  async *replay({ after, through }: ReplayOptions): AsyncIterable<FeedBatch> {
    for (let at = after; at < through; ) {
      this.#assertOpen();
      const batch = await this.#read(at, this.#settings.batchEventsMax);
      const events = batch.events.filter(({ position }) => position <= through);
      const reached = batch.atEnd || events.length < batch.events.length;
      if (events.length > 0 || reached) yield { ...batch, events, through: reached ? through : batch.through };
      if (reached) return;
      at = batch.through;
    }
  }

  /** Says that something may be new in the record. Cheap, and safe to repeat. */
  poke(): void {
    for (const consumer of this.#consumers) consumer.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    this.#consumers.clear();
  }

  async #read(after: bigint, eventsMax: number): Promise<FeedBatch> {
    const events: StoredEvent[] = [];
    let bytes = 0;
    let cut = false;
    for await (const event of this.source.readAll({ after, eventsMax })) {
      events.push(event);
      bytes += event.body.length;
      cut = bytes >= this.#settings.batchBytesMax;
      if (cut) break;
    }
    return {
      partition: DIRECT_PARTITION,
      events,
      through: events.at(-1)?.position ?? after,
      atEnd: !cut && events.length < eventsMax,
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw new FeedClosedError('the event feed is closed');
  }
}
