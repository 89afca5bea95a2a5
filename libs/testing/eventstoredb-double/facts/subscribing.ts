import { type AllStreamSubscription, streamNameFilter, TimeoutError } from '@eventstore/db-client';
import { at, type Given, someEvent, someEvents } from './target';

/** Collects what a subscription emits; its error handler stays, since an error without one ends the process. */
class Listener {
  readonly ids: string[] = [];
  readonly positions: bigint[] = [];
  error: unknown;
  #wake: (() => void) | undefined;

  constructor(readonly subscription: AllStreamSubscription) {
    subscription.on('data', ({ event }) => {
      if (event !== undefined) {
        this.ids.push(event.id);
        this.positions.push(event.position.commit);
      }
      this.#wake?.();
    });
    subscription.on('error', (error: unknown) => {
      this.error ??= error;
      this.#wake?.();
    });
    subscription.on('caughtUp', () => this.#wake?.());
  }

  async until(done: () => boolean): Promise<void> {
    while (!done())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

function emitted(subscription: AllStreamSubscription, event: 'caughtUp' | 'confirmation'): Promise<void> {
  return new Promise((resolve) => {
    subscription.once(event, () => resolve());
  });
}

export function subscribingFacts(given: Given): void {
  it('a subscription begins after its position, says when it has caught up, and goes on live', async () => {
    const { client } = given();
    const stream = given().stream();
    const first = await client.appendToStream(stream, someEvent());
    const history = someEvents(3);
    await client.appendToStream(stream, history);
    const filter = streamNameFilter({ prefixes: [stream] });

    const subscription = client.subscribeToAll({ fromPosition: first.position ?? 'start', filter });
    const listener = new Listener(subscription);
    await emitted(subscription, 'caughtUp');
    const live = someEvents(2);
    await client.appendToStream(stream, live);
    await listener.until(() => listener.ids.length >= 5);

    expect(listener.ids).toEqual([...history, ...live].map(({ id }) => id));
    await subscription.unsubscribe();
  });

  it('a subscription from beyond the end goes live and delivers lower positions', async () => {
    const { client } = given();
    const beyond = (await given().lastPosition()) + 1_000_000_000n;
    const stream = given().stream();

    const subscription = client.subscribeToAll({ fromPosition: at(beyond) });
    const listener = new Listener(subscription);
    await emitted(subscription, 'caughtUp');
    await client.appendToStream(stream, someEvent());
    await listener.until(() => listener.positions.length > 0);

    expect(listener.positions[0]).toBeLessThan(beyond);
    await subscription.unsubscribe();
  });

  it('checkpoints come after every so many records, matching or not, and none at the end of history', async () => {
    const { client } = given();
    const before = await given().lastPosition();
    const ignored = given().stream('ignored');
    await client.appendToStream(ignored, someEvents(40));
    const checkpoints: bigint[] = [];
    const filter = streamNameFilter({
      prefixes: [given().stream('wanted')],
      maxSearchWindow: 8,
      checkpointInterval: 4,
      checkpointReached: async (_, position) => {
        checkpoints.push(position.commit);
      },
    });
    const subscription = client.subscribeToAll({ fromPosition: at(before), filter });
    new Listener(subscription);
    await emitted(subscription, 'caughtUp');
    const inHistory = checkpoints.length;
    expect(inHistory).toBeGreaterThanOrEqual(1);
    expect(inHistory).toBeLessThan(3);

    const { position } = await client.appendToStream(ignored, someEvents(64));
    for (let waitedMs = 0; checkpoints.length < inHistory + 2 && waitedMs < 3_000; waitedMs += 20)
      await new Promise((resolve) => setTimeout(resolve, 20));

    expect(checkpoints.length).toBeGreaterThanOrEqual(inHistory + 2);
    expect(checkpoints.at(-1)).toBeLessThanOrEqual(position?.commit ?? 0n);
    await subscription.unsubscribe();
  });

  slowConsumers(given);
}

function slowConsumers(given: Given): void {
  it('a consumer too slow for live delivery is dropped, and loses nothing when it comes back', async () => {
    const { client } = given();
    const stream = given().stream();
    const before = await given().lastPosition();
    const subscription = client.subscribeToAll({ fromPosition: at(before) });
    const dropped = new Promise((resolve) => subscription.once('error', resolve));
    subscription.on('error', () => undefined);
    await emitted(subscription, 'caughtUp');

    // Nobody reads, so the buffers on the way fill up, and then the server's own short queue.
    const text = 'x'.repeat(2_000);
    const ids: string[] = [];
    for (let round = 0; round < 40; round += 1) {
      const batch = Array.from({ length: 50 }, () => someEvent({ text }));
      ids.push(...batch.map(({ id }) => id));
      await client.appendToStream(stream, batch);
    }
    // The error follows what was sent before it.
    subscription.on('data', () => undefined);
    expect(await dropped).toBeInstanceOf(TimeoutError);
    expect(await dropped).toMatchObject({ code: 10 });
    subscription.destroy();

    const filter = streamNameFilter({ prefixes: [stream] });
    const again = client.subscribeToAll({ fromPosition: at(before), filter });
    const listener = new Listener(again);
    await listener.until(() => listener.ids.length >= ids.length);
    expect(listener.ids).toEqual(ids);
    await again.unsubscribe();
  });
}
