import type { StoredEvent } from '#kernel';
import { idsOf, type StoreUnderTest, someEvent, someEvents } from './harness.contract';
import { StoreUnavailableError, type SubscribeOptions, type Subscription } from './port';

type Given = () => StoreUnderTest;

/** A promise and its handle, for tests that decide when something happens. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Remembers what was delivered, and lets a test await it. */
class Witness {
  readonly events: StoredEvent[] = [];
  readonly caughtUpAt: bigint[] = [];
  readonly dropped: Error[] = [];
  readonly subscription: Subscription;
  readonly #waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(given: Given, options: Partial<SubscribeOptions> = {}) {
    this.subscription = given().store.subscribe({
      after: given().start,
      streamPrefixes: [given().prefix],
      ...options,
      onEvent: async (event) => {
        this.events.push(event);
        this.#check();
        await options.onEvent?.(event);
      },
      onCaughtUp: (position) => {
        this.caughtUpAt.push(position);
        this.#check();
      },
      onDropped: (reason) => {
        this.dropped.push(reason);
        this.#check();
      },
    });
  }

  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ done, resolve });
      this.#check();
    });
  }

  untilEvents(count: number): Promise<void> {
    return this.until(() => this.events.length >= count);
  }

  #check(): void {
    for (const waiting of this.#waiting) if (waiting.done()) waiting.resolve();
  }
}

export function subscriptionContract(given: Given): void {
  it('delivers history, then what is appended, without gap or double', async () => {
    const { store } = given();
    const ids: string[] = [];
    async function append(count: number, label: string): Promise<void> {
      const events = someEvents(count);
      ids.push(...idsOf(events));
      await store.append(given().stream(label), 'any', events);
    }
    await append(300, 'a');
    const witness = new Witness(given);
    // These race with the change from history to live delivery.
    for (let round = 0; round < 50; round += 1) await append(1, round % 2 === 0 ? 'a' : 'b');
    await witness.untilEvents(350);
    for (let round = 0; round < 5; round += 1) await append(2, 'b');

    await witness.untilEvents(360);
    await witness.subscription.close();
    expect(idsOf(witness.events)).toEqual(ids);
    expect(witness.dropped).toEqual([]);
  });

  it('begins after a position', async () => {
    const { store } = given();
    await store.append(given().stream(), 'no-stream', someEvents(3));
    const { position } = await store.append(given().stream(), 2n, someEvents(1));
    const later = someEvents(2);
    await store.append(given().stream(), 3n, later);

    const witness = new Witness(given, { after: position });

    await witness.untilEvents(2);
    await witness.subscription.close();
    expect(idsOf(witness.events)).toEqual(idsOf(later));
  });

  it('keeps to its prefixes, in history and live', async () => {
    const { store } = given();
    const streamPrefixes = [given().stream('x-'), given().stream('y-')];
    const wanted = [someEvent(), someEvent(), someEvent()];
    await store.append(given().stream('x-1'), 'any', wanted.slice(0, 1));
    await store.append(given().stream('z-1'), 'any', someEvents(2));
    const witness = new Witness(given, { streamPrefixes });
    await witness.untilEvents(1);
    await store.append(given().stream('z-1'), 'any', someEvents(2));
    await store.append(given().stream('y-1'), 'any', wanted.slice(1, 2));
    await store.append(given().stream('x'), 'any', someEvents(1));
    await store.append(given().stream('x-2'), 'any', wanted.slice(2));

    await witness.untilEvents(3);
    await witness.subscription.close();
    expect(idsOf(witness.events)).toEqual(idsOf(wanted));
  });

  it('says when history is delivered, and again when it has caught up later', async () => {
    const { store } = given();
    const history = await store.append(given().stream(), 'no-stream', someEvents(20));
    const witness = new Witness(given);

    await witness.until(() => witness.caughtUpAt.length > 0);
    expect(witness.events).toHaveLength(20);
    expect(witness.caughtUpAt[0]).toBeGreaterThanOrEqual(history.position);

    const live = await store.append(given().stream(), 19n, someEvents(1));
    await witness.until(() => (witness.caughtUpAt.at(-1) ?? 0n) >= live.position);
    expect(witness.events).toHaveLength(21);
    await witness.subscription.close();
  });

  it('says so too where there is no history', async () => {
    const witness = new Witness(given);
    await witness.until(() => witness.caughtUpAt.length > 0);
    expect(witness.caughtUpAt[0]).toBeGreaterThanOrEqual(given().start);
    await witness.subscription.close();
  });

  backpressure(given);
  endings(given);
}

function backpressure(given: Given): void {
  it('calls the handler for one event at a time', async () => {
    const { store } = given();
    await store.append(given().stream(), 'no-stream', someEvents(20));
    let inside = 0;
    let insideMax = 0;
    const witness = new Witness(given, {
      onEvent: async () => {
        inside += 1;
        insideMax = Math.max(insideMax, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      },
    });
    await store.append(given().stream(), 19n, someEvents(20));

    await witness.untilEvents(40);
    await witness.subscription.close();
    expect(insideMax).toBe(1);
  });

  it('lets a slow handler wait without losing anything and without slowing others', async () => {
    const { store } = given();
    const { opened, open } = gate();
    const slow = new Witness(given, { onEvent: () => opened });
    const quick = new Witness(given);
    const events = someEvents(1_200);
    for (let from = 0; from < events.length; from += 100)
      await store.append(given().stream(`s${from % 300}`), 'any', events.slice(from, from + 100));

    await quick.untilEvents(1_200);
    await slow.untilEvents(1);
    expect(slow.events).toHaveLength(1);
    open();
    await slow.untilEvents(1_200);
    await Promise.all([slow.subscription.close(), quick.subscription.close()]);
    expect(idsOf(slow.events)).toEqual(idsOf(events));
    expect(idsOf(quick.events)).toEqual(idsOf(events));
  });
}

function endings(given: Given): void {
  const failure = new Error('the handler failed');
  it.each<{ how: string; fail: () => Promise<void> }>([
    { how: 'rejects', fail: () => Promise.reject(failure) },
    {
      how: 'throws',
      fail: () => {
        throw failure;
      },
    },
  ])('ends with the error of a handler that $how, once', async ({ fail }) => {
    const { store } = given();
    await store.append(given().stream(), 'no-stream', someEvents(3));
    const failing: Witness = new Witness(given, {
      onEvent: (event) => (event.revision === 1n ? fail() : undefined),
    });
    const other = new Witness(given);

    await failing.until(() => failing.dropped.length > 0);
    await store.append(given().stream(), 2n, someEvents(1));
    await other.untilEvents(4);

    expect(failing.dropped).toEqual([failure]);
    expect(failing.events).toHaveLength(2);
    await failing.subscription.close();
    await other.subscription.close();
  });

  it('stops when closed, after the handler under way', async () => {
    const { store } = given();
    const { opened, open } = gate();
    let handled = 0;
    const witness = new Witness(given, {
      onEvent: async () => {
        await opened;
        handled += 1;
      },
    });
    await store.append(given().stream(), 'no-stream', someEvents(3));
    await witness.untilEvents(1);

    const closed = witness.subscription.close();
    open();
    await closed;
    expect(handled).toBe(1);

    const other = new Witness(given);
    await store.append(given().stream(), 2n, someEvents(1));
    await other.untilEvents(4);
    expect(witness.events).toHaveLength(1);
    expect(witness.dropped).toEqual([]);
    await witness.subscription.close();
    await other.subscription.close();
  });

  it('ends with its store', async () => {
    const witness = new Witness(given);
    await given().store.append(given().stream(), 'no-stream', someEvents(1));
    await witness.untilEvents(1);

    await given().store.close();

    await witness.subscription.close();
    expect(() => new Witness(given)).toThrow(StoreUnavailableError);
  });
}
