import * as fc from 'fast-check';
import type { EncodedEvent, StreamName } from '#kernel';
import {
  collect,
  eventOfBytes,
  idsOf,
  revisionsOf,
  revisionsUpTo,
  type StoreUnderTest,
  someEvent,
  someEvents,
} from './harness.contract';
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  EVENT_TYPE_LENGTH_MAX,
  type ExpectedRevision,
  InvalidAppendError,
  STREAM_NAME_BYTES_MAX,
  WrongExpectedRevisionError,
} from './port';

type Given = () => StoreUnderTest;

export function appendContract(given: Given): void {
  it('numbers revisions from 0 without gaps, and positions grow', async () => {
    const { store } = given();
    const stream = given().stream();

    const first = await store.append(stream, 'no-stream', someEvents(1));
    const second = await store.append(stream, 0n, someEvents(3));
    const third = await store.append(stream, 'any', someEvents(1));

    expect([first.revision, second.revision, third.revision]).toEqual([0n, 3n, 4n]);
    const events = await collect(store.readStream(stream));
    expect(revisionsOf(events)).toEqual(revisionsUpTo(5));
    expect(events[3]?.position).toBe(second.position);
    for (const [index, event] of events.entries())
      if (index > 0) expect(event.position).toBeGreaterThan(events[index - 1]?.position ?? 0n);
  });

  it('gives back what was appended, byte for byte', async () => {
    const { store } = given();
    const stream = given().stream('ünïcode/with spaces');
    const events = [someEvent({ text: 'π ≈ 3.14159, 名前, "quoted", \\' }), someEvent({}, 'OtherType.v2')];

    const result = await store.append(stream, 'no-stream', events);

    const stored = await collect(store.readStream(stream));
    expect(stored.map(({ id, type, stream: name }) => ({ id, type, name }))).toEqual(
      events.map(({ id, type }) => ({ id, type, name: stream })),
    );
    for (const [index, event] of stored.entries())
      expect(Buffer.compare(event.body, events[index]?.body ?? Buffer.alloc(0))).toBe(0);
    expect(stored.at(-1)?.position).toBe(result.position);
    expect(await store.lastPosition()).toBeGreaterThanOrEqual(result.position);
  });

  it('gives every event a position of its own, whatever the stream', async () => {
    const { store } = given();
    const streams = ['a', 'b', 'c', 'd'].map((label) => given().stream(label));

    await Promise.all(streams.map((stream) => store.append(stream, 'no-stream', someEvents(5))));

    const positions = (await given().written()).map((event) => event.position);
    expect(positions).toHaveLength(20);
    expect(new Set(positions).size).toBe(20);
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('reads its own writes at once, from the stream and from everything', async () => {
    const { store } = given();
    for (let round = 0; round < 20; round += 1) {
      const event = someEvent();
      const stream = given().stream(`s${round % 3}`);
      const { position, revision } = await store.append(stream, 'any', [event]);
      const [last] = await collect(store.readStream(stream, { direction: 'backwards', eventsMax: 1 }));
      expect(last).toMatchObject({ id: event.id, position, revision });
      expect((await given().written()).at(-1)?.id).toBe(event.id);
    }
  });

  describe('with a wrong expected revision', () => {
    const cases: { written: number; expected: ExpectedRevision; actual: bigint | 'no-stream' }[] = [
      { written: 0, expected: 0n, actual: 'no-stream' },
      { written: 0, expected: 7n, actual: 'no-stream' },
      { written: 2, expected: 'no-stream', actual: 1n },
      { written: 3, expected: 1n, actual: 2n },
      { written: 3, expected: 3n, actual: 2n },
      { written: 3, expected: 9_007_199_254_740_993n, actual: 2n },
    ];
    it.each(cases)('refuses $expected where the stream is at $actual, and writes nothing', async (example) => {
      const { store } = given();
      const stream = given().stream();
      if (example.written > 0) await store.append(stream, 'no-stream', someEvents(example.written));

      const append = store.append(stream, example.expected, someEvents(2));

      await expect(append).rejects.toBeInstanceOf(WrongExpectedRevisionError);
      await expect(append).rejects.toMatchObject({ stream, expected: example.expected, actual: example.actual });
      expect(await given().written()).toHaveLength(example.written);
    });

    it('lets exactly one of many concurrent appends win, whole', async () => {
      const { store } = given();
      const stream = given().stream();
      const batches = Array.from({ length: 10 }, () => someEvents(3));

      const outcomes = await Promise.allSettled(batches.map((batch) => store.append(stream, 'no-stream', batch)));

      const winners = batches.filter((_, index) => outcomes[index]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(WrongExpectedRevisionError);
      expect(idsOf(await collect(store.readStream(stream)))).toEqual(idsOf(winners[0] ?? []));
    });

    it('does not disturb appends to other streams at the same time', async () => {
      const { store } = given();
      await store.append(given().stream('taken'), 'no-stream', someEvents(1));

      const outcomes = await Promise.allSettled(
        ['x', 'taken', 'y'].map((label) => store.append(given().stream(label), 'no-stream', someEvents(1))),
      );

      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    });
  });

  describe('repeated', () => {
    it.each<{ expected: ExpectedRevision; before: number }>([
      { expected: 'no-stream', before: 0 },
      { expected: 1n, before: 2 },
    ])('with the same ids and $expected, resolves with the original result and writes nothing', async (example) => {
      const stream = given().stream();
      if (example.before > 0) await given().store.append(stream, 'no-stream', someEvents(example.before));
      const batch = someEvents(3);
      const original = await given().store.append(stream, example.expected, batch);
      await given().store.append(stream, original.revision, someEvents(2));

      expect(await given().store.append(stream, example.expected, batch)).toEqual(original);
      await given().reopen();
      expect(await given().store.append(stream, example.expected, batch)).toEqual(original);

      expect(await given().written()).toHaveLength(example.before + 5);
    });

    it('while the first is still under way, resolves with the same result', async () => {
      const { store } = given();
      const batch = someEvents(2);
      const stream = given().stream();

      const results = await Promise.all([1, 2, 3].map(() => store.append(stream, 'no-stream', batch)));

      expect(new Set(results.map(({ position }) => position)).size).toBe(1);
      expect(await given().written()).toHaveLength(2);
    });

    const first = () => someEvent();
    it.each<{ change: string; repeat: (batch: readonly EncodedEvent[]) => EncodedEvent[] }>([
      { change: 'with one event more', repeat: (batch) => [...batch, first()] },
      { change: 'reordered', repeat: (batch) => [...batch].reverse() },
      { change: 'with one other event', repeat: (batch) => [...batch.slice(0, -1), first()] },
    ])('$change, is refused', async ({ repeat }) => {
      const { store } = given();
      const batch = someEvents(3);
      const stream = given().stream();
      await store.append(stream, 'no-stream', batch);

      await expect(store.append(stream, 'no-stream', repeat(batch))).rejects.toMatchObject({
        name: 'WrongExpectedRevisionError',
        actual: 2n,
      });
      expect(await given().written()).toHaveLength(3);
    });

    it('with the same ids at another revision, is refused', async () => {
      const { store } = given();
      const stream = given().stream();
      const batch = someEvents(1);
      await store.append(stream, 'no-stream', batch);
      await store.append(stream, 0n, someEvents(2));

      for (const expected of [0n, 1n, 5n])
        await expect(store.append(stream, expected, batch)).rejects.toMatchObject({
          name: 'WrongExpectedRevisionError',
          actual: 2n,
        });
      expect(await given().written()).toHaveLength(3);
    });
  });

  invalidAppends(given);
  concurrentAppends(given);
}

function invalidAppends(given: Given): void {
  describe('that no store could take', () => {
    const examples: { why: string; events: () => EncodedEvent[]; stream?: string; expected?: ExpectedRevision }[] = [
      { why: 'no event', events: () => [] },
      {
        why: 'an id that is no UUID',
        events: () => [someEvent(), { ...someEvent(), id: 'evt_1' as EncodedEvent['id'] }],
      },
      { why: 'an upper-case UUID', events: () => [upperCaseId(someEvent())] },
      { why: 'an empty type', events: () => [someEvent(), someEvent({}, '')] },
      { why: 'a long type', events: () => [someEvent({}, 'T'.repeat(EVENT_TYPE_LENGTH_MAX + 1))] },
      { why: 'too many events', events: () => someEvents(APPEND_EVENTS_MAX + 1) },
      { why: 'too many bytes', events: () => [...eventsOfAppendBytesMax(), someEvent()] },
      { why: 'an empty stream name', events: () => someEvents(1), stream: '' },
      { why: 'a stream name that is no Unicode', events: () => someEvents(1), stream: 'a\ud800' },
      { why: 'a system stream', events: () => someEvents(1), stream: '$all' },
      { why: 'a long stream name', events: () => someEvents(1), stream: 'ü'.repeat(STREAM_NAME_BYTES_MAX / 2 + 1) },
      { why: 'a negative revision', events: () => someEvents(1), expected: -1n },
    ];
    it.each(examples)('refuses $why before anything is written', async (example) => {
      const stream = (example.stream ?? given().stream()) as StreamName;

      const append = given().store.append(stream, example.expected ?? 'any', example.events());

      await expect(append).rejects.toBeInstanceOf(InvalidAppendError);
      expect(await given().written()).toEqual([]);
    });

    it('but takes exactly the most of each', async () => {
      const { store } = given();
      const many = someEvents(APPEND_EVENTS_MAX);

      await store.append(given().stream('many'), 'no-stream', many);
      await store.append(given().stream('large'), 'no-stream', eventsOfAppendBytesMax());

      expect(idsOf(await collect(store.readStream(given().stream('many'))))).toEqual(idsOf(many));
      const large = await collect(store.readStream(given().stream('large')));
      expect(large.reduce((bytes, event) => bytes + event.body.length, 0)).toBe(APPEND_BYTES_MAX);
    });
  });
}

function upperCaseId(event: EncodedEvent): EncodedEvent {
  return { ...event, id: event.id.toUpperCase() as EncodedEvent['id'] };
}

function eventsOfAppendBytesMax(): EncodedEvent[] {
  return Array.from({ length: 20 }, () => eventOfBytes(APPEND_BYTES_MAX / 20));
}

function concurrentAppends(given: Given): void {
  it('loses no update of 32 concurrent appenders that retry', async () => {
    const { store } = given();
    const stream = given().stream();
    const batches = Array.from({ length: 32 }, () => someEvents(2));

    async function appendOptimistically(batch: readonly EncodedEvent[]): Promise<bigint> {
      let expected: ExpectedRevision = 'no-stream';
      for (;;) {
        try {
          return (await store.append(stream, expected, batch)).revision;
        } catch (error) {
          if (!(error instanceof WrongExpectedRevisionError)) throw error;
          expected = error.actual;
        }
      }
    }
    const revisions = await Promise.all(batches.map(appendOptimistically));

    const stored = await collect(store.readStream(stream));
    expect(revisionsOf(stored)).toEqual(revisionsUpTo(64));
    for (const [index, batch] of batches.entries()) {
      const last = Number(revisions[index]);
      expect(idsOf(stored.slice(last - 1, last + 1))).toEqual(idsOf(batch));
    }
  });

  it('behaves as a list per stream, whatever the order of commands', async () => {
    let run = 0;
    const command = fc.record({
      label: fc.constantFrom('p', 'q'),
      count: fc.integer({ min: 1, max: 3 }),
      expected: fc.constantFrom<'right' | 'any' | 'none' | 'stale'>('right', 'right', 'any', 'none', 'stale'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
        const { store } = given();
        run += 1;
        const model = new Map<string, string[]>();
        for (const { label, count, expected } of commands) {
          const stream = given().stream(`${label}${run}`);
          const ids = model.get(stream) ?? [];
          const actual = ids.length === 0 ? 'no-stream' : BigInt(ids.length - 1);
          const events = someEvents(count);
          const believed = { right: actual, any: 'any', none: 'no-stream', stale: BigInt(ids.length) } as const;
          const append = store.append(stream, believed[expected], events);
          if (expected === 'any' || believed[expected] === actual) {
            model.set(stream, [...ids, ...idsOf(events)]);
            expect((await append).revision).toBe(BigInt(ids.length + count - 1));
          } else await expect(append).rejects.toMatchObject({ name: 'WrongExpectedRevisionError', actual });
        }
        for (const [stream, ids] of model)
          expect(idsOf(await collect(store.readStream(stream as StreamName)))).toEqual(ids);
      }),
      { numRuns: 20 },
    );
  });
}
