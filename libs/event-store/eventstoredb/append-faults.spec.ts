import type { StreamName } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { collect, idsOf, someEvent, someEvents } from '../harness.contract';
import { AppendOutcomeUnknownError, StoreUnavailableError } from '../port';
import { parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';
import { AccessRefusedError } from './rpc-failure';

const STREAM = 'ledger-faulty' as StreamName;
/** Long enough for a busy machine where nothing goes wrong. */
const APPEND_TIMEOUT_MS = 600;
/** A server that has stalled keeps its call open for twenty seconds. */
const NOT_THE_SERVERS_MS = 15_000;

describe('When an append goes wrong,', () => {
  let double: EventStoreDbDouble;
  let store: EventStoreDbEventStore;

  beforeEach(async () => {
    double = await EventStoreDbDouble.start();
    store = new EventStoreDbEventStore(parseConnectionString(double.connectionString), {
      appendTimeoutMs: APPEND_TIMEOUT_MS,
      readIdleTimeoutMs: 300,
      pendingAppendBytesMax: 100_000,
    });
  });

  afterEach(async () => {
    await store.close();
    await double.dispose();
  });

  function written(): string[] {
    return double.records.filter(({ stream }) => stream === STREAM).map(({ id }) => id);
  }

  it.each(['lost-answer', 'silence'] as const)(
    '%s: the outcome is unknown, and a repeat is written once',
    async (kind) => {
      double.append(STREAM, someEvents(1));
      const before = written();
      const batch = someEvents(2);
      double.appendFaults.add({ kind });

      await expect(store.append(STREAM, 0n, batch)).rejects.toBeInstanceOf(AppendOutcomeUnknownError);

      const repeated = await eventually(() => store.append(STREAM, 0n, batch));
      expect(repeated.revision).toBe(2n);
      expect(written()).toEqual([...before, ...idsOf(batch)]);
    },
  );

  it('a connection that breaks before the write leaves the outcome unknown, and a repeat writes it', async () => {
    const batch = someEvents(2);
    double.appendFaults.add({ kind: 'broken-before' });

    await expect(store.append(STREAM, 'no-stream', batch)).rejects.toBeInstanceOf(AppendOutcomeUnknownError);
    expect(written()).toEqual([]);

    expect(await eventually(() => store.append(STREAM, 'no-stream', batch))).toMatchObject({ revision: 1n });
    expect(written()).toEqual(idsOf(batch));
  });

  it('all appends under way share the broken connection, and none is lost or doubled by repeating', async () => {
    const batches = Array.from({ length: 20 }, (_, index) => ({
      stream: `ledger-${index}` as StreamName,
      events: someEvents(2),
    }));
    double.appendFaults.add({ kind: 'silence' }, 10);
    double.appendFaults.add({ kind: 'lost-answer' });
    const append = ({ stream, events }: (typeof batches)[number]) => store.append(stream, 'no-stream', events);

    const outcomes = await Promise.allSettled(batches.map(append));
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    for (const batch of batches) await eventually(() => append(batch));

    for (const { stream, events } of batches)
      expect(double.records.filter((record) => record.stream === stream).map(({ id }) => id)).toEqual(idsOf(events));
  });

  it('a stalled server ends the wait by our own timer, and what was held back is written once', async () => {
    double.append(STREAM, someEvents(1));
    const batch = someEvents(2);
    double.stall();
    const started = Date.now();

    await expect(store.append(STREAM, 0n, batch)).rejects.toBeInstanceOf(AppendOutcomeUnknownError);
    expect(Date.now() - started).toBeLessThan(NOT_THE_SERVERS_MS);
    await expect(collect(store.readStream(STREAM))).rejects.toBeInstanceOf(StoreUnavailableError);

    double.resume();
    expect(await store.append(STREAM, 0n, batch)).toMatchObject({ revision: 2n });
    expect(written().slice(1)).toEqual(idsOf(batch));
  });

  it.each([
    { what: 'late', fault: { kind: 'late-answer', delayMs: APPEND_TIMEOUT_MS + 100 } },
    { what: 'doubled', fault: { kind: 'doubled-answer' } },
  ] as const)('a $what answer disturbs nothing', async ({ what, fault }) => {
    const batch = someEvents(1);
    double.appendFaults.add(fault);
    const first = store.append(STREAM, 'no-stream', batch);
    if (what === 'late') await expect(first).rejects.toBeInstanceOf(AppendOutcomeUnknownError);
    // A busy machine may be later than the limit by itself; a repeat of the same events is written once.
    else await first.catch(() => eventually(() => store.append(STREAM, 'no-stream', batch)));

    // The superfluous answer arrives while these are under way.
    const until = Date.now() + 200;
    for (let next = 0n; Date.now() < until; next += 1n) {
      const events = someEvents(1);
      await eventually(() => store.append(STREAM, next, events));
    }
    expect(await eventually(() => store.append(STREAM, 'no-stream', batch))).toMatchObject({ revision: 0n });
  });

  it('a server that gave up on its own write is asked again, unless nothing tells a repeat from a new write', async () => {
    const batch = someEvents(2);
    double.appendFaults.add({ kind: 'server-timeout' });
    expect(await store.append(STREAM, 'no-stream', batch)).toMatchObject({ revision: 1n });
    expect(written()).toEqual(idsOf(batch));

    double.appendFaults.add({ kind: 'server-timeout' });
    await expect(store.append(STREAM, 'any', someEvents(1))).rejects.toBeInstanceOf(AppendOutcomeUnknownError);
  });

  it('a server that is down is unavailable, nothing is written, and the connection comes back by itself', async () => {
    double.append(STREAM, someEvents(1));
    await double.kill();

    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(store.append(STREAM, 0n, someEvents(1))).rejects.toMatchObject({
        name: expect.stringMatching(/^(StoreUnavailableError|AppendOutcomeUnknownError)$/),
      });
    await expect(store.append(STREAM, 0n, someEvents(1))).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(store.lastPosition()).rejects.toBeInstanceOf(StoreUnavailableError);

    await double.startAgain();
    expect(await eventually(() => store.append(STREAM, 0n, someEvents(1)))).toMatchObject({ revision: 1n });
    expect(written()).toHaveLength(2);
  });

  it('more bytes than may wait are refused at once, and nothing of them is written', async () => {
    double.appendFaults.add({ kind: 'silence' });
    const waiting = store.append(STREAM, 'no-stream', [someEvent({ text: 'x'.repeat(90_000) })]);

    await expect(store.append(STREAM, 'any', [someEvent({ text: 'x'.repeat(20_000) })])).rejects.toThrow(
      /bytes of appends wait .* nothing was written/,
    );
    await expect(waiting).rejects.toBeInstanceOf(AppendOutcomeUnknownError);
    expect(written()).toHaveLength(1);
  });

  it('a user whom the server refuses is told so, and nothing is written', async () => {
    double.access.refused = true;
    await expect(store.append(STREAM, 'no-stream', someEvents(1))).rejects.toBeInstanceOf(AccessRefusedError);
    await expect(store.lastPosition()).rejects.toBeInstanceOf(AccessRefusedError);
    expect(written()).toEqual([]);
  });

  it('an expected revision beyond what the server can count is a conflict like any other', async () => {
    double.append(STREAM, someEvents(1));
    const expected = 2n ** 80n;
    await expect(store.append(STREAM, expected, someEvents(1))).rejects.toMatchObject({
      name: 'WrongExpectedRevisionError',
      expected,
      actual: 0n,
    });
  });

  it('a tombstoned stream takes nothing more', async () => {
    double.append(STREAM, someEvents(1));
    double.tombstone(STREAM);
    await expect(store.append(STREAM, 0n, someEvents(1))).rejects.toMatchObject({ name: 'InvalidAppendError' });
    await expect(collect(store.readStream(STREAM))).rejects.toMatchObject({ name: 'StreamTombstonedError' });
  });
});

/** A store that has just lost its connection needs a moment to get another. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1)
    try {
      return await attempt();
    } catch (error) {
      if (tries >= 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}
