import { type ReadStoreUnderTest, SALES, sale } from './harness.contract';
import { InvalidReadStoreUseError, ReadStoreClosedError, StaleCheckpointError, ViewNotReadyError } from './port';
import type { ViewSchema } from './schema';

export function generationContract(given: () => ReadStoreUnderTest): void {
  it('keeps a new generation from queries until the switch', async () => {
    const { store } = given();
    const first = await store.createGeneration(SALES);
    await given().write(first, [sale('a')]);
    expect(first).toEqual({ view: 'sales-view', number: 1, version: 1, status: 'building' });
    await expect(given().load('a')).rejects.toBeInstanceOf(ViewNotReadyError);
    expect(await store.snapshot((snapshot) => snapshot.live('sales-view'))).toBeUndefined();

    await store.switchTo([first]);

    expect(await given().load('a')).toEqual([sale('a')]);
  });

  it('builds beside the live one, then switches and drops it', async () => {
    const { store } = given();
    const first = await given().live(sale('a', { items: 1 }));
    const second = await store.createGeneration({ ...SALES, version: 2 });
    await given().write(second, [sale('a', { items: 2 })]);
    expect((await given().load('a'))[0]?.columns.items).toBe(1);

    const seen = await store.snapshot(async (snapshot) => {
      const before = await snapshot.load('sales-view', 'sales', ['a']);
      await store.switchTo([second]);
      return [before, await snapshot.load('sales-view', 'sales', ['a'])];
    });

    expect(seen[1]).toEqual(seen[0]);
    expect((await given().load('a'))[0]?.columns.items).toBe(2);
    await given().reopen();
    expect(await given().store.generations()).toMatchObject([{ number: 2, version: 2, status: 'live' }]);
    await expect(given().write(first, [sale('b')])).rejects.toBeInstanceOf(StaleCheckpointError);
  });

  it('drops a generation, and never gives its number again', async () => {
    const { store } = given();
    const first = await store.createGeneration(SALES);
    await store.dropGeneration(first);
    await store.dropGeneration(first);
    expect(await store.generations()).toEqual([]);
    await given().reopen();
    expect((await given().store.createGeneration(SALES)).number).toBe(2);
  });

  it('compares two generations in stretches', async () => {
    const { store } = given();
    const left = await store.createGeneration(SALES);
    const right = await store.createGeneration(SALES);
    const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
    await given().write(
      left,
      names.map((name) => sale(name, { items: 1, shop: null }, 1n, { note: name })),
    );
    await given().write(
      right,
      names.map((name) => sale(name, { items: 1, shop: null }, 1n, { note: name })),
    );
    const compared = async (documentsMax: number) => {
      const sums = { documents: 0, different: 0, stretches: 0 };
      for (let after: string | undefined, done = false; !done; ) {
        const stretch = { table: 'sales', documentsMax, ...(after === undefined ? {} : { after }) };
        const one = await store.compare(left, right, stretch);
        sums.documents += one.documents;
        sums.different += one.different;
        sums.stretches += 1;
        after = one.next;
        done = after === undefined;
      }
      return sums;
    };
    expect(await compared(100)).toEqual({ documents: 10, different: 0, stretches: 1 });

    await given().write(left, [sale('s0', { items: 2 }, 2n), sale('s1', { items: 1 }, 2n, { note: 's1' }), sale('t')]);
    await given().write(
      right,
      [sale('a'), sale('s5', { items: 1, shop: 'x' }, 2n, { note: 's5' })],
      [sale('s9', {}, 5n)],
    );

    // s0 and s5 differ in a column, s1 in its position, s9 and t are left only, a is right only.
    expect(await compared(100)).toEqual({ documents: 12, different: 6, stretches: 1 });
    expect(await compared(1)).toMatchObject({ documents: 12, different: 6 });
    expect(await compared(5)).toMatchObject({ documents: 12, different: 6 });
  });

  it.each<{ what: string; view: ViewSchema }>([
    { what: 'a bad name', view: { ...SALES, name: 'Sales"; --' } },
    { what: 'two tables of one name', view: { ...SALES, tables: [...SALES.tables, ...SALES.tables] } },
    {
      what: 'a column that every table has',
      view: { ...SALES, tables: [{ name: 't', columns: { position: 'integer' }, indexes: [] }] },
    },
    {
      what: 'an index of an unknown column',
      view: { ...SALES, tables: [{ name: 't', columns: {}, indexes: [{ columns: ['x'] }] }] },
    },
  ])('refuses a view with $what', async ({ view }) => {
    await expect(given().store.createGeneration(view)).rejects.toBeInstanceOf(InvalidReadStoreUseError);
  });

  it('refuses everything once it is closed', async () => {
    const { store } = given();
    const generation = await given().live();
    await store.close();
    await store.close();
    const uses = [
      () => store.snapshot(async () => 1),
      () => store.generations(),
      () => store.createGeneration(SALES),
      () => store.loadFrom(generation, 'sales', ['a']),
      () => store.commit([]),
      () => store.switchTo([]),
      () => store.dropGeneration(generation),
    ];
    for (const use of uses) await expect(use()).rejects.toBeInstanceOf(ReadStoreClosedError);
  });
}
