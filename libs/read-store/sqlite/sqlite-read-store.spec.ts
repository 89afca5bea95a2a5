import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { readStoreContract } from '../contract';
import { ReadStoreUnderTest, sale } from '../harness.contract';
import { Histogram } from '../histogram';
import { MemoryReadStore } from '../memory';
import { ReadStoreBusyError, ReadStoreClosedError } from '../port';
import type { AggregateQuery, FindQuery, Where } from '../query';
import type { Document } from '../schema';
import { SNAPSHOTS_WAITING_MAX, SqliteReadStore } from './sqlite-read-store';

function temporary(): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'read-store-'));
  return { path: join(folder, 'deep', 'views.sqlite'), remove: () => rmSync(folder, { recursive: true }) };
}

readStoreContract('SqliteReadStore', async () => {
  const { path, remove } = temporary();
  let store = SqliteReadStore.open(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = SqliteReadStore.open(path);
      return store;
    },
    dispose: async () => {
      await store.close();
      remove();
    },
  };
});

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const shop = fc.constantFrom('north', 'south', 'é', 'Z', '𝄞');
const waits = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 4 }).map((values) => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram.encode();
});
const documents: fc.Arbitrary<readonly Document[]> = fc.uniqueArray(
  fc
    .record({
      id: fc.stringMatching(/^[a-zA-Zé]{1,3}$/),
      shop: optional(shop),
      at: optional(fc.integer({ min: 0, max: 20 })),
      amount: optional(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      items: optional(fc.integer({ min: -3, max: 3 })),
      waits: optional(waits),
    })
    .map(({ id, ...columns }) => sale(id, columns, 1n, { id })),
  { selector: ({ id }) => id, maxLength: 30 },
);
const where: fc.Arbitrary<Where> = fc.oneof(
  fc.constant({}),
  shop.map((eq) => ({ shop: { eq } })),
  fc.array(shop, { maxLength: 3 }).map((names) => ({ shop: { in: names } })),
  fc.record({ from: fc.nat(20), before: fc.nat(20) }).map((at) => ({ at })),
  fc.boolean().map((present) => ({ items: { present } })),
);
const find: fc.Arbitrary<FindQuery> = fc.record({
  where,
  orderBy: fc.record({
    column: fc.constantFrom('id', 'shop', 'at', 'amount'),
    direction: fc.constantFrom('ascending' as const, 'descending' as const),
  }),
  limit: fc.integer({ min: 1, max: 10 }),
});
const aggregate: fc.Arbitrary<AggregateQuery> = fc
  .record({
    where,
    groupBy: fc.subarray(['shop', 'items']),
    ranges: fc.option(
      fc.constant({
        column: 'at',
        of: [
          { from: 0, before: 4, label: 2 },
          { from: 4, before: 9, label: 1 },
          { from: 12, before: 30, label: 2 },
        ],
      }),
      { nil: undefined },
    ),
    limit: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ ranges, ...query }) => ({
    ...query,
    ...(ranges === undefined ? {} : { ranges }),
    measures: {
      n: { count: true },
      sum: { sum: 'amount' },
      items: { sum: 'items' },
      least: { min: 'amount' },
      last: { max: 'at' },
      waits: { merge: 'waits' },
    },
    orderBy: { measure: 'sum', direction: 'descending' },
  }));

describe('the SQLite adapter', () => {
  it('answers every query as the one in memory does', async () => {
    const { path, remove } = temporary();
    const sqlite = new ReadStoreUnderTest({ store: SqliteReadStore.open(path), dispose: async () => remove() });
    try {
      await fc.assert(
        fc.asyncProperty(
          documents,
          fc.array(find, { maxLength: 3 }),
          fc.array(aggregate),
          async (docs, finds, sums) => {
            const memory = new ReadStoreUnderTest({ store: new MemoryReadStore() });
            const answers = [];
            for (const under of [memory, sqlite]) {
              await under.live(...docs);
              answers.push(
                await under.store.snapshot(async (snapshot) => [
                  ...(await Promise.all(finds.map((query) => snapshot.find('sales-view', 'sales', query)))),
                  ...(await Promise.all(sums.map((query) => snapshot.aggregate('sales-view', 'sales', query)))),
                ]),
              );
            }
            expect(answers[1]).toEqual(answers[0]);
          },
        ),
        { numRuns: 150 },
      );
    } finally {
      await sqlite.dispose();
    }
  });

  it('lets another thread read while one writes, each seeing whole commits', async () => {
    const { path, remove } = temporary();
    const writing = new ReadStoreUnderTest({ store: SqliteReadStore.open(path) });
    const reading = SqliteReadStore.openReader(path);
    try {
      const generation = await writing.live(sale('a', { items: 1 }));
      const items = () =>
        reading.snapshot(async (snapshot) => {
          const [found] = await snapshot.load('sales-view', 'sales', ['a']);
          return found?.columns.items;
        });
      expect(await items()).toBe(1);
      await writing.write(generation, [sale('a', { items: 2 }, 2n)]);
      expect(await items()).toBe(2);
      await expect(reading.commit([])).rejects.toBeInstanceOf(ReadStoreClosedError);
    } finally {
      await reading.close();
      await writing.store.close();
      remove();
    }
  });

  it('says that it is busy rather than queue without end', async () => {
    const { path, remove } = temporary();
    const store = SqliteReadStore.open(path);
    try {
      const reads = Array.from({ length: SNAPSHOTS_WAITING_MAX }, () => store.snapshot(async () => 1));
      await expect(store.snapshot(async () => 1)).rejects.toBeInstanceOf(ReadStoreBusyError);
      await Promise.all(reads);
      expect(await store.snapshot(async () => 1)).toBe(1);
    } finally {
      await store.close();
      remove();
    }
  });
});
