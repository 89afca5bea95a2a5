import {
  collect,
  idsOf,
  revisionsOf,
  revisionsUpTo,
  type StoreUnderTest,
  someEvent,
  someEvents,
} from './harness.contract';
import type { ReadStreamOptions } from './port';

type Given = () => StoreUnderTest;

export function readContract(given: Given): void {
  describe('reading one stream', () => {
    const cases: { what: string; options: ReadStreamOptions; revisions: bigint[] }[] = [
      { what: 'everything', options: {}, revisions: [0n, 1n, 2n, 3n, 4n] },
      { what: 'from a revision', options: { from: 3n }, revisions: [3n, 4n] },
      { what: 'at most so many', options: { eventsMax: 2 }, revisions: [0n, 1n] },
      { what: 'a window', options: { from: 1n, eventsMax: 2 }, revisions: [1n, 2n] },
      { what: 'from beyond the end', options: { from: 5n }, revisions: [] },
      { what: 'backwards', options: { direction: 'backwards' }, revisions: [4n, 3n, 2n, 1n, 0n] },
      { what: 'backwards from a revision', options: { direction: 'backwards', from: 1n }, revisions: [1n, 0n] },
      { what: 'the last', options: { direction: 'backwards', eventsMax: 1 }, revisions: [4n] },
      {
        what: 'backwards from beyond the end',
        options: { direction: 'backwards', from: 9n },
        revisions: [4n, 3n, 2n, 1n, 0n],
      },
    ];
    it.each(cases)('gives $what', async ({ options, revisions }) => {
      const { store } = given();
      const stream = given().stream();
      await store.append(stream, 'no-stream', someEvents(5));
      await store.append(given().stream('aa'), 'no-stream', someEvents(2));

      expect(revisionsOf(await collect(store.readStream(stream, options)))).toEqual(revisions);
    });

    it.each(['forwards', 'backwards'] as const)('gives nothing of a missing stream, read %s', async (direction) => {
      await given().store.append(given().stream('other'), 'no-stream', someEvents(1));
      expect(await collect(given().store.readStream(given().stream('missing'), { direction }))).toEqual([]);
    });

    it('gives a long stream whole and in order, both ways', async () => {
      const { store } = given();
      const stream = given().stream();
      const events = someEvents(1_500);
      await store.append(stream, 'no-stream', events);

      expect(idsOf(await collect(store.readStream(stream)))).toEqual(idsOf(events));
      const backwards = await collect(store.readStream(stream, { direction: 'backwards' }));
      expect(revisionsOf(backwards)).toEqual(revisionsUpTo(1_500).reverse());
    });
  });

  readAllContract(given);
  leavingEarly(given);
  streamNamesContract(given);
}

function readAllContract(given: Given): void {
  describe('reading everything', () => {
    it('gives every stream in the order of positions', async () => {
      const { store } = given();
      const events = someEvents(9);
      for (const [index, event] of events.entries())
        await store.append(given().stream(`s${index % 3}`), 'any', [event]);

      const all = await collect(store.readAll({ after: given().start }));

      const own = all.filter((event) => event.stream.startsWith(given().prefix));
      expect(idsOf(own)).toEqual(idsOf(events));
      expect(all.map(({ stream }) => stream).filter((name) => name.startsWith('$'))).toEqual([]);
    });

    it('begins after a position', async () => {
      const { store } = given();
      const streamPrefixes = [given().prefix];
      await store.append(given().stream(), 'no-stream', someEvents(4));
      const all = await given().written();
      for (const [index, event] of all.entries()) {
        const rest = await collect(store.readAll({ after: event.position, streamPrefixes }));
        expect(idsOf(rest)).toEqual(idsOf(all.slice(index + 1)));
      }
    });

    it('keeps to prefixes and counts only what it gives', async () => {
      const { store } = given();
      const [x, y, z] = ['x-1', 'y-1', 'z-1'].map((label) => given().stream(label));
      if (x === undefined || y === undefined || z === undefined) throw new Error('three streams');
      for (let round = 0; round < 5; round += 1)
        for (const stream of [z, x, y]) await store.append(stream, 'any', [someEvent({ round })]);

      const streamPrefixes = [given().stream('x-'), given().stream('y-')];
      const some = await collect(store.readAll({ after: given().start, streamPrefixes, eventsMax: 3 }));
      expect(some.map(({ stream }) => stream)).toEqual([x, y, x]);
      const all = await collect(store.readAll({ after: given().start, streamPrefixes }));
      expect(all).toHaveLength(10);
      expect(revisionsOf(all.filter(({ stream }) => stream === y))).toEqual(revisionsUpTo(5));
    });

    it('is still exact after reopening', async () => {
      await given().store.append(given().stream('a'), 'no-stream', someEvents(3));
      await given().store.append(given().stream('b'), 'no-stream', someEvents(3));
      const before = await given().written();
      const lastPosition = await given().store.lastPosition();

      await given().reopen();

      expect(await given().written()).toEqual(before);
      expect(await given().store.lastPosition()).toBeGreaterThanOrEqual(lastPosition);
      const next = await given().store.append(given().stream('a'), 2n, someEvents(1));
      expect(next.position).toBeGreaterThan(lastPosition);
    });
  });
}

function leavingEarly(given: Given): void {
  it('lets readers leave early without leaving anything behind', async () => {
    const { store } = given();
    const stream = given().stream();
    await store.append(stream, 'no-stream', someEvents(600));

    for (let round = 0; round < 150; round += 1) {
      for await (const event of store.readStream(stream)) if (event.revision >= 1n) break;
      for await (const event of store.readStream(stream, { eventsMax: 1 })) if (event.revision === 0n) break;
      for await (const _ of store.readAll({ after: given().start, streamPrefixes: [given().prefix] })) break;
    }
    const neverBegun = store.readStream(stream);

    expect((await store.append(stream, 599n, someEvents(1))).revision).toBe(600n);
    expect(await collect(neverBegun)).toHaveLength(601);
    await store.close();
  });

  it('lets a slow reader go on while others append', async () => {
    const { store } = given();
    const stream = given().stream();
    await store.append(stream, 'no-stream', someEvents(700));
    let seen = 0n;
    for await (const event of store.readStream(stream)) {
      expect(event.revision).toBe(seen);
      seen += 1n;
      if (event.revision % 100n === 0n) await store.append(given().stream('other'), 'any', someEvents(1));
    }
    expect(seen).toBe(700n);
  });
}

function streamNamesContract(given: Given): void {
  it('names each stream of a prefix once', async () => {
    const { store } = given();
    const names = ['one-a', 'one-b', 'two-a', 'on'].map((label) => given().stream(label));
    for (let round = 0; round < 2; round += 1) for (const name of names) await store.append(name, 'any', someEvents(2));

    expect((await collect(store.streamNames(given().stream('one-')))).sort()).toEqual(names.slice(0, 2));
    expect((await collect(store.streamNames(given().prefix))).sort()).toEqual([...names].sort());
    expect(await collect(store.streamNames(given().stream('three-')))).toEqual([]);
    await given().reopen();
    expect(await collect(given().store.streamNames(given().stream('two-')))).toEqual([names[2]]);
  });
}
