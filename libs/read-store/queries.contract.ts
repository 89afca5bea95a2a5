import { Buffer } from 'node:buffer';
import { type ReadStoreUnderTest, sale } from './harness.contract';
import { Histogram } from './histogram';
import { InvalidReadStoreUseError } from './port';
import type { AggregateQuery, FindCursor, FindQuery, Where } from './query';
import type { Document } from './schema';

type Given = () => ReadStoreUnderTest;

const waits = (...values: number[]) => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram.encode();
};

const DOCUMENTS: readonly Document[] = [
  sale('a', { shop: 'north', at: 10, amount: 5n, items: 1, waits: waits(10, 20) }),
  sale('b', { shop: 'north', at: 20, amount: 7n, items: 2, waits: waits(1000) }),
  sale('c', { shop: 'south', at: 20, amount: -3n }),
  sale('d', { shop: 'south', at: 30, amount: 4_000_000_000_000_000_000n, items: 0, waits: waits(10) }),
  sale('e', { at: 40, amount: 4_000_000_000_000_000_000n }),
  sale('f', { shop: 'west', amount: 4_000_000_000_000_000_000n, items: 3 }),
];

export function findContract(given: Given): void {
  const find = (query: Partial<FindQuery>) =>
    given().store.snapshot((snapshot) =>
      snapshot.find('sales-view', 'sales', {
        where: {},
        orderBy: { column: 'id', direction: 'ascending' },
        limit: 100,
        ...query,
      }),
    );

  beforeEach(() => given().live(...DOCUMENTS));

  it.each<{ where: Where; ids: string }>([
    { where: {}, ids: 'abcdef' },
    { where: { shop: { eq: 'north' } }, ids: 'ab' },
    { where: { shop: { in: ['north', 'west', 'nowhere'] } }, ids: 'abf' },
    { where: { shop: { in: [] } }, ids: '' },
    { where: { shop: { present: false } }, ids: 'e' },
    { where: { items: { present: true } }, ids: 'abdf' },
    { where: { at: { from: 20, before: 40 } }, ids: 'bcd' },
    { where: { at: { from: 20 } }, ids: 'bcde' },
    { where: { at: { before: 20 } }, ids: 'a' },
    { where: { amount: { from: -3n, before: 7n } }, ids: 'ac' },
    { where: { shop: { eq: 'south' }, items: { eq: 0 } }, ids: 'd' },
    { where: { id: { from: 'b', before: 'd' } }, ids: 'bc' },
  ])('finds $ids where $where', async ({ where, ids }) => {
    expect((await find({ where })).documents.map(({ id }) => id).join('')).toBe(ids);
  });

  it('gives whole documents', async () => {
    expect((await find({ where: { id: { eq: 'd' } } })).documents).toEqual([DOCUMENTS[3]]);
  });

  it.each<{ direction: 'ascending' | 'descending'; ids: string }>([
    { direction: 'ascending', ids: 'abcde' },
    { direction: 'descending', ids: 'edcba' },
  ])('orders $direction, equal values by id, and pages through all of them', async ({ direction, ids }) => {
    const orderBy = { column: 'at', direction } as const;
    for (const limit of [1, 2, 3, 5, 100]) {
      let seen = '';
      let after: FindCursor | undefined;
      do {
        const page = await find({ orderBy, limit, ...(after === undefined ? {} : { after }) });
        seen += page.documents.map(({ id }) => id).join('');
        after = page.next;
      } while (after !== undefined);
      expect(seen).toBe(ids);
    }
  });

  it('goes on behind a cursor whose document has gone', async () => {
    const orderBy = { column: 'at', direction: 'ascending' } as const;
    const page = await find({ orderBy, after: { value: 20, id: 'bb' } });
    expect(page.documents.map(({ id }) => id).join('')).toBe('cde');
  });

  it('orders texts by their UTF-8 bytes', async () => {
    const names = ['z', 'é', 'Z', '～', '𝄞', 'a', '10', '9'];
    await given().live(...names.map((shop, index) => sale(`n${index}`, { shop })));

    const page = await find({ orderBy: { column: 'shop', direction: 'ascending' } });

    const shops = page.documents.map(({ columns }) => columns.shop);
    expect(shops).toEqual([...names].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
  });

  it.each<{ what: string; query: Partial<FindQuery> }>([
    { what: 'an unknown column', query: { where: { colour: { eq: 'red' } } } },
    { what: 'another type', query: { where: { at: { eq: '10' } } } },
    { what: 'no limit', query: { limit: 0 } },
    { what: 'an order by nothing', query: { orderBy: { column: 'colour', direction: 'ascending' } } },
  ])('refuses $what', async ({ query }) => {
    await expect(find(query)).rejects.toBeInstanceOf(InvalidReadStoreUseError);
  });
}

export function aggregateContract(given: Given): void {
  const aggregate = (query: Partial<AggregateQuery>) =>
    given().store.snapshot((snapshot) =>
      snapshot.aggregate('sales-view', 'sales', { where: {}, groupBy: [], measures: { n: { count: true } }, ...query }),
    );

  beforeEach(() => given().live(...DOCUMENTS));

  it('sums exactly beyond 64 bits', async () => {
    const measures = { sum: { sum: 'amount' }, least: { min: 'amount' }, most: { max: 'amount' } } as const;
    expect(await aggregate({ measures })).toEqual([
      { keys: {}, measures: { sum: 12_000_000_000_000_000_009n, least: -3n, most: 4_000_000_000_000_000_000n } },
    ]);
  });

  it('groups by columns, no value being a group of its own and the first', async () => {
    const measures = { n: { count: true }, items: { sum: 'items' }, first: { min: 'at' } } as const;
    expect(await aggregate({ groupBy: ['shop'], measures })).toEqual([
      { keys: { shop: null }, measures: { n: 1n, items: 0n, first: 40 } },
      { keys: { shop: 'north' }, measures: { n: 2n, items: 3n, first: 10 } },
      { keys: { shop: 'south' }, measures: { n: 2n, items: 0n, first: 20 } },
      { keys: { shop: 'west' }, measures: { n: 1n, items: 3n, first: null } },
    ]);
  });

  it('adds histograms up', async () => {
    const measures = { waits: { merge: 'waits' } } as const;
    expect(await aggregate({ measures })).toEqual([{ keys: {}, measures: { waits: waits(10, 10, 20, 1000) } }]);
    expect(await aggregate({ measures, where: { shop: { eq: 'west' } } })).toEqual([
      { keys: {}, measures: { waits: '' } },
    ]);
  });

  it('groups by stretches, several of which may be one group', async () => {
    const of = [
      { from: 0, before: 20, label: 1 },
      { from: 20, before: 30, label: 2 },
      { from: 40, before: 50, label: 1 },
    ];
    expect(await aggregate({ ranges: { column: 'at', of }, measures: { n: { count: true } } })).toEqual([
      { range: 1, keys: {}, measures: { n: 2n } },
      { range: 2, keys: {}, measures: { n: 2n } },
    ]);
    const groups = await aggregate({ ranges: { column: 'at', of }, groupBy: ['shop'] });
    expect(groups.map(({ range, keys }) => [range, keys.shop])).toEqual([
      [1, null],
      [1, 'north'],
      [2, 'north'],
      [2, 'south'],
    ]);
  });

  it('groups by hundreds of stretches that follow one another, whatever they hold', async () => {
    const of = Array.from({ length: 300 }, (_, index) => ({
      from: index * 20 - 100,
      before: index * 20 - 80,
      label: index % 150,
    }));
    const measures = { n: { count: true }, amount: { sum: 'amount' }, waits: { merge: 'waits' } } as const;
    await given().live(...DOCUMENTS, sale('g', { at: 3_050, amount: 1n, waits: waits(10) }));
    const groups = await aggregate({ ranges: { column: 'at', of }, measures });
    expect(await aggregate({ ranges: { column: 'at', of, step: 10 }, measures })).toEqual(groups);
    expect(groups).toEqual([
      { range: 5, keys: {}, measures: { n: 1n, amount: 5n, waits: waits(10, 20) } },
      {
        range: 6,
        keys: {},
        measures: { n: 3n, amount: 4_000_000_000_000_000_004n, waits: waits(1000, 10) },
      },
      { range: 7, keys: {}, measures: { n: 2n, amount: 4_000_000_000_000_000_001n, waits: waits(10) } },
    ]);
  });

  it('tells no value from the text "null"', async () => {
    await given().live(sale('x', { shop: 'null', items: 1 }), sale('y', { items: 2 }), sale('z', { items: 4 }));
    const of = [
      { from: 1, before: 2, label: 0 },
      { from: 2, before: 3, label: 0 },
      { from: 4, before: 5, label: 0 },
    ];
    expect(await aggregate({ groupBy: ['shop'], ranges: { column: 'items', of } })).toEqual([
      { range: 0, keys: { shop: null }, measures: { n: 2n } },
      { range: 0, keys: { shop: 'null' }, measures: { n: 1n } },
    ]);
  });

  it('orders by a measure and keeps the first', async () => {
    const groups = await aggregate({
      groupBy: ['shop'],
      measures: { amount: { sum: 'amount' } },
      orderBy: { measure: 'amount', direction: 'descending' },
      limit: 3,
    });
    expect(groups.map(({ keys }) => keys.shop)).toEqual([null, 'west', 'south']);
  });

  it('makes no group out of nothing', async () => {
    const where = { shop: { eq: 'nowhere' } } as const;
    expect(await aggregate({ where })).toEqual([]);
    expect(await aggregate({ where, groupBy: ['shop'] })).toEqual([]);
    expect(await aggregate({ where, ranges: { column: 'at', of: [] } })).toEqual([]);
  });

  it.each<{ what: string; query: Partial<AggregateQuery> }>([
    { what: 'a sum of texts', query: { measures: { x: { sum: 'shop' } } } },
    { what: 'a merge of numbers', query: { measures: { x: { merge: 'items' } } } },
    { what: 'ranges of texts', query: { ranges: { column: 'shop', of: [] } } },
    { what: 'an unknown group', query: { groupBy: ['colour'] } },
    { what: 'an unknown order', query: { orderBy: { measure: 'x', direction: 'ascending' } } },
    {
      what: 'ranges that overlap',
      query: {
        ranges: {
          column: 'at',
          of: [
            { from: 0, before: 2, label: 1 },
            { from: 1, before: 3, label: 2 },
          ],
        },
      },
    },
  ])('refuses $what', async ({ query }) => {
    await expect(aggregate(query)).rejects.toBeInstanceOf(InvalidReadStoreUseError);
  });
}
