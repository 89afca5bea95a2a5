import { checkpointAt, type ReadStoreUnderTest, SALES, sale } from './harness.contract';
import { InvalidReadStoreUseError, StaleCheckpointError } from './port';
import type { Document } from './schema';

export function commitContract(given: () => ReadStoreUnderTest): void {
  it('gives back what was committed, 64-bit amounts and text of every kind included', async () => {
    const written = [
      sale('a', { shop: 'ünï', at: 5, amount: 9_007_199_254_740_993n, items: 0, waits: '051,' }, 3n, {
        note: '名前 "quoted" 𝄞',
        list: [1, null, true, { deep: 'x' }],
      }),
      sale('b', { amount: -9_223_372_036_854_775_808n, items: Number.MAX_SAFE_INTEGER }, 4n, null),
    ];
    await given().live(...written);

    await given().reopen();

    const loaded = [...(await given().load('b', 'a', 'missing', 'a'))].sort((x, y) => (x.id < y.id ? -1 : 1));
    expect([...new Map(loaded.map((document) => [document.id, document])).values()]).toEqual(written);
  });

  it('keeps the checkpoint with the documents', async () => {
    const generation = await given().live(sale('a'));
    await given().reopen();

    expect(await given().store.generations()).toEqual([{ ...generation, status: 'live', checkpoint: checkpointAt(1) }]);
  });

  it('replaces a document by a newer one, never by an older one or one as old', async () => {
    const generation = await given().live(sale('a', { items: 1 }, 10n));

    await given().write(generation, [sale('a', { items: 2 }, 10n)]);
    await given().write(generation, [sale('a', { items: 3 }, 9n)]);
    expect((await given().load('a'))[0]?.columns.items).toBe(1);

    await given().write(generation, [sale('a', { items: 4 }, 11n, { rest: 1 })]);
    expect(await given().load('a')).toEqual([sale('a', { items: 4 }, 11n, { rest: 1 })]);
  });

  it('replaces, deletes and finds documents of a clustered table by their ids too', async () => {
    const { store } = given();
    const generation = await given().live();
    const shop = (id: string, rank: number, position: bigint, rest = '') => ({
      id,
      position,
      columns: { city: 'Oslo', rank },
      rest,
    });
    const commit = (at: number, saved: Document[], deleted: Document[] = []) =>
      store.commit([
        {
          generation,
          expected: checkpointAt(at - 1),
          checkpoint: checkpointAt(at),
          changes: [{ table: 'shops', saved, deleted }],
        },
      ]);
    await commit(2, [shop('b', 1, 2n), shop('a', 1, 2n), shop('c', 2, 2n)]);
    await commit(3, [shop('a', 1, 3n, 'new'), shop('b', 1, 1n, 'old')], [shop('c', 2, 3n)]);

    const found = await store.snapshot(async (snapshot) => [
      ...(await snapshot.load('sales-view', 'shops', ['a', 'c'])),
      ...(await snapshot
        .find('sales-view', 'shops', {
          where: { city: { eq: 'Oslo' }, rank: { from: 1 } },
          orderBy: { column: 'rank', direction: 'descending' },
          limit: 10,
        })
        .then(({ documents }) => documents)),
    ]);

    expect(found).toEqual([shop('a', 1, 3n, 'new'), shop('b', 1, 2n), shop('a', 1, 3n, 'new')]);
    await expect(commit(4, [{ ...shop('d', 1, 4n), columns: { city: null, rank: 1 } }])).rejects.toBeInstanceOf(
      InvalidReadStoreUseError,
    );
  });

  it('deletes a document, unless it is newer', async () => {
    const generation = await given().live(sale('old', {}, 5n), sale('new', {}, 7n));

    await given().write(generation, [], [sale('old', {}, 6n), sale('new', {}, 6n), sale('missing')]);

    expect((await given().load('old', 'new')).map(({ id }) => id)).toEqual(['new']);
  });

  it('refuses a writer that believes another checkpoint, and writes nothing of it', async () => {
    const generation = await given().live(sale('a'));
    for (const expected of [undefined, checkpointAt(2), { ...checkpointAt(1), at: checkpointAt(2).at }]) {
      const commit = given().store.commit([
        {
          generation,
          expected,
          checkpoint: checkpointAt(9),
          changes: [{ table: 'sales', saved: [sale('b')], deleted: [] }],
        },
      ]);
      await expect(commit).rejects.toBeInstanceOf(StaleCheckpointError);
    }
    expect(await given().load('b')).toEqual([]);
  });

  it('commits several generations all or nothing', async () => {
    const { store } = given();
    const first = await given().live();
    const second = await store.createGeneration({ ...SALES, name: 'other-view' });
    const changes = [{ table: 'sales', saved: [sale('b')], deleted: [] }];
    const ofFirst = { generation: first, expected: checkpointAt(1), checkpoint: checkpointAt(2), changes };
    const ofSecond = { generation: second, expected: undefined, checkpoint: checkpointAt(2), changes };

    await expect(store.commit([ofFirst, { ...ofSecond, expected: checkpointAt(1) }])).rejects.toThrow();
    expect(await given().load('b')).toEqual([]);

    await store.commit([ofFirst, ofSecond]);
    expect(await given().load('b')).toHaveLength(1);
    expect(await store.loadFrom(second, 'sales', ['b'])).toHaveLength(1);
    expect((await store.generations()).map(({ checkpoint }) => checkpoint?.position)).toEqual([2n, 2n]);
  });

  it.each<{ what: string; document: ReturnType<typeof sale> }>([
    { what: 'an unknown column', document: sale('a', { colour: 'red' }) },
    { what: 'a fraction', document: sale('a', { items: 1.5 }) },
    { what: 'a number for money', document: sale('a', { amount: 1 }) },
    { what: 'more than 64 bits', document: sale('a', { amount: 2n ** 63n }) },
    { what: 'a text for a number', document: sale('a', { at: '1' }) },
  ])('refuses $what', async ({ document }) => {
    const generation = await given().live();
    await expect(given().write(generation, [sale('fine'), document])).rejects.toBeInstanceOf(InvalidReadStoreUseError);
    expect(await given().load('fine')).toEqual([]);
  });

  it('shows a snapshot the state of one moment, whatever is committed meanwhile', async () => {
    const generation = await given().live(sale('a', { items: 1 }));

    const seen = await given().store.snapshot(async (snapshot) => {
      const before = await snapshot.load('sales-view', 'sales', ['a', 'b']);
      await given().write(generation, [sale('a', { items: 2 }, 2n), sale('b', {}, 2n)]);
      const after = await snapshot.load('sales-view', 'sales', ['a', 'b']);
      return { before, after, checkpoint: (await snapshot.live('sales-view'))?.checkpoint };
    });

    expect(seen.after).toEqual(seen.before);
    expect(seen.checkpoint).toEqual(checkpointAt(1));
    expect(await given().load('a', 'b')).toHaveLength(2);
  });

  it('answers many snapshots at once, and goes on after one that failed', async () => {
    await given().live(sale('a'));
    const { store } = given();

    const outcomes = await Promise.allSettled([
      store.snapshot((snapshot) => snapshot.load('sales-view', 'sales', ['a'])),
      store.snapshot(async () => Promise.reject(new Error('the reader failed'))),
      store.snapshot((snapshot) => snapshot.load('sales-view', 'nowhere', ['a'])),
      store.snapshot((snapshot) => snapshot.load('sales-view', 'sales', ['a'])),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  });
}
