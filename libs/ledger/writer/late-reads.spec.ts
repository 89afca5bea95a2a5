import { type AppendResult, type ExpectedRevision, WrongExpectedRevisionError } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';
import { twoGateways } from '#testing/simulation';
import { authorize, SECOND_MS } from '../spec-kit';

/** As EventStoreDB: it refuses an append because of one that its readers do not see yet, and for a few reads more. */
class StoreOfLateReads extends MemoryEventStore {
  readsHidden = 0;
  #hiddenAfter = -1n;
  #hiddenReads: number | undefined;

  override async append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]) {
    try {
      return (await super.append(stream, expected, events)) satisfies AppendResult;
    } catch (error) {
      if (error instanceof WrongExpectedRevisionError && this.#hiddenReads === undefined) {
        this.#hiddenAfter = typeof expected === 'bigint' ? expected : -1n;
        this.#hiddenReads = 2;
      }
      throw error;
    }
  }

  override async *readStream(...asked: Parameters<MemoryEventStore['readStream']>): AsyncIterable<StoredEvent> {
    const left = this.#hiddenReads ?? 0;
    const isHiding = left > 0;
    if (isHiding) this.#hiddenReads = left - 1;
    for await (const event of super.readStream(...asked))
      if (!isHiding || event.revision <= this.#hiddenAfter) yield event;
      else this.readsHidden += 1;
  }
}

describe('a conflict with an append that cannot be read yet', () => {
  it.each([
    ['on a new ledger', 0],
    ['on one that both know', 1],
  ])('%s is waited for: it says nothing about what was read before', async (_, before) => {
    const changed: StreamName[] = [];
    const onHistoryChanged = (stream: StreamName): void => {
      changed.push(stream);
    };
    const { world, toNear, toFar, far, calls } = twoGateways({ onHistoryChanged });
    const store = new StoreOfLateReads();
    world.record.current = store;
    for (let call = 0; call < before; call += 1) toNear(authorize(`before-${call}`));
    await world.time.pass(SECOND_MS);
    await far.read(world.org);
    const fromFar = toFar(authorize('far'));
    await world.time.pass(50);
    const fromNear = toNear(authorize('near'));
    await world.time.pass(5 * SECOND_MS);
    expect(store.readsHidden).toBeGreaterThan(0);
    expect([fromNear.answer, fromFar.answer]).toEqual(['accepted', 'accepted']);
    expect(await calls()).toHaveLength(before + 2);
    expect(changed).toEqual([]);
  });
});
