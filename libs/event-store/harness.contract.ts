import { randomBytes, randomUUID } from 'node:crypto';
import { canonicalJson, composeEventId, type EncodedEvent, type StoredEvent, type StreamName } from '#kernel';
import type { EventStore } from './port';

/** What one test gets from an adapter. */
export interface StoreFixture {
  readonly store: EventStore;
  /** Closes the store and opens the same data again, as after a restart; absent where nothing outlives the store. */
  reopen?(): Promise<EventStore>;
  /** Called after the store was closed. */
  dispose?(): Promise<void>;
}
export type MakeStore = () => Promise<StoreFixture>;

/** A store, and names that no other test uses, so that adapters may share one server among tests. */
export class StoreUnderTest {
  readonly prefix = `contract${randomUUID().replaceAll('-', '')}-`;
  #store: EventStore;

  private constructor(
    readonly fixture: StoreFixture,
    /** Position of the last event before the test began. */
    readonly start: bigint,
  ) {
    this.#store = fixture.store;
  }

  static async open(makeStore: MakeStore): Promise<StoreUnderTest> {
    const fixture = await makeStore();
    return new StoreUnderTest(fixture, await fixture.store.lastPosition());
  }

  get store(): EventStore {
    return this.#store;
  }

  stream(label = 'a'): StreamName {
    return `${this.prefix}${label}` as StreamName;
  }

  /** Everything that this test wrote, in the store's order. */
  async written(): Promise<StoredEvent[]> {
    return collect(this.store.readAll({ after: this.start, streamPrefixes: [this.prefix] }));
  }

  /** Reopens where the adapter persists; elsewhere the store simply stays open. */
  async reopen(): Promise<void> {
    if (this.fixture.reopen !== undefined) this.#store = await this.fixture.reopen();
  }

  async dispose(): Promise<void> {
    await this.store.close();
    await this.fixture.dispose?.();
  }
}

/** Gives every test of the surrounding `describe` a store of its own. */
export function useStore(makeStore: MakeStore): () => StoreUnderTest {
  let current: StoreUnderTest | undefined;
  beforeEach(async () => {
    current = await StoreUnderTest.open(makeStore);
  });
  afterEach(async () => {
    await current?.dispose();
    current = undefined;
  });
  return () => {
    if (current === undefined) throw new Error('the store is there only while a test runs');
    return current;
  };
}

/** An event as the codec would encode it. */
export function someEvent(data: object = {}, type = 'ContractTested'): EncodedEvent {
  const id = composeEventId(Date.now(), randomBytes(10));
  const body = canonicalJson({
    actor: { type: 'system', id: 'contract' },
    at: '2026-01-01T00:00:00.000Z',
    data,
    id,
    type,
    v: 1,
  });
  return { id, type, body: new TextEncoder().encode(body) };
}

export function someEvents(count: number): EncodedEvent[] {
  return Array.from({ length: count }, () => someEvent());
}

/** An event whose body has exactly so many bytes. */
export function eventOfBytes(bytes: number): EncodedEvent {
  const bytesWithoutPadding = someEvent({ padding: '' }).body.length;
  return someEvent({ padding: 'x'.repeat(bytes - bytesWithoutPadding) });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export function idsOf(events: readonly EncodedEvent[]): string[] {
  return events.map((event) => event.id);
}

export function revisionsOf(events: readonly StoredEvent[]): bigint[] {
  return events.map((event) => event.revision);
}

/** 0n, 1n, … */
export function revisionsUpTo(count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => BigInt(index));
}
