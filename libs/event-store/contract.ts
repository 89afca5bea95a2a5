import { appendContract } from './appends.contract';
import { collect, type MakeStore, type StoreUnderTest, someEvents, useStore } from './harness.contract';
import { StoreUnavailableError } from './port';
import { readContract } from './reads.contract';
import { subscriptionContract } from './subscriptions.contract';

export type { MakeStore, StoreFixture } from './harness.contract';

/** Every guarantee of the port, as tests that each adapter runs in full. */
export function eventStoreContract(name: string, makeStore: MakeStore): void {
  describe(`${name} keeps the contract of an event store`, () => {
    const given = useStore(makeStore);
    describe('an append', () => appendContract(given));
    describe('a read', () => readContract(given));
    describe('a subscription', () => subscriptionContract(given));
    describe('close', () => closeContract(given));
  });
}

function closeContract(given: () => StoreUnderTest): void {
  it('waits for appends under way', async () => {
    const appends = Array.from({ length: 50 }, (_, index) =>
      given().store.append(given().stream(`s${index % 7}`), 'any', someEvents(2)),
    );
    let settled = 0;
    for (const append of appends)
      append.then(
        () => {
          settled += 1;
        },
        () => undefined,
      );

    await given().store.close();

    expect(settled).toBe(50);
    await Promise.all(appends);
    if (given().fixture.reopen === undefined) return;
    await given().reopen();
    expect(await given().written()).toHaveLength(100);
  });

  it('may be repeated', async () => {
    await Promise.all([given().store.close(), given().store.close()]);
    await given().store.close();
  });

  it.each<{ call: string; run: (test: StoreUnderTest) => Promise<unknown> }>([
    { call: 'append', run: (test) => test.store.append(test.stream(), 'any', someEvents(1)) },
    { call: 'readStream', run: (test) => collect(test.store.readStream(test.stream())) },
    { call: 'readAll', run: ({ store, start }) => collect(store.readAll({ after: start })) },
    { call: 'streamNames', run: ({ store, prefix }) => collect(store.streamNames(prefix)) },
    { call: 'lastPosition', run: ({ store }) => store.lastPosition() },
    { call: 'subscribe', run: async ({ store }) => store.subscribe({ onEvent: () => undefined }) },
  ])('makes $call say that the store is unavailable', async ({ run }) => {
    await given().store.append(given().stream(), 'no-stream', someEvents(1));
    await given().store.close();

    await expect(run(given())).rejects.toBeInstanceOf(StoreUnavailableError);
  });
}
