import * as fc from 'fast-check';
import { epochMs } from '#kernel';
import { callsProjection } from '../calls';
import { keptViews, keyIds, models, orgId, projectIds, someRecord } from '../spec-kit';
import { usageProjection } from './projection';
import { usageReport } from './queries';
import { SUM_COLUMNS } from './tables';
import type { Granularity, UsageDimension, UsageReport, UsageReportParams } from './types';

interface Asked {
  readonly dimension: UsageDimension;
  readonly values: readonly string[];
  readonly granularity: Granularity;
  readonly timeZone: string;
}

/** The rows of a report as they follow from one that is grouped by what it filters by, which no total can answer. */
function filtered({ rows }: UsageReport, { dimension, values }: Asked) {
  const sums = new Map<number, bigint[]>();
  for (const row of rows.filter(({ keys }) => values.includes(keys[dimension] ?? ''))) {
    const before = sums.get(row.from) ?? SUM_COLUMNS.map(() => 0n);
    sums.set(
      row.from,
      SUM_COLUMNS.map((column, at) => (before[at] ?? 0n) + row[column]),
    );
  }
  return [...sums];
}

const asked: fc.Arbitrary<Asked> = fc
  .constantFrom<readonly [UsageDimension, readonly string[]]>(
    ['project', projectIds],
    ['api-key', keyIds],
    ['model', models],
    ['outcome', ['completed', 'failed', 'refused']],
  )
  .chain(([dimension, known]) =>
    fc.record({
      dimension: fc.constant(dimension),
      values: fc.array(fc.constantFrom(...known, '', '__proto__', `api-key ${keyIds[0]}`), { maxLength: 3 }),
      granularity: fc.constantFrom<Granularity>('hour', 'day', 'month', 'total'),
      timeZone: fc.constantFrom('UTC', 'Asia/Kolkata', 'Europe/Berlin'),
    }),
  );

describe('a filter by one dimension', () => {
  it('answers from totals exactly what the rows behind them come to', async () => {
    const record = await someRecord(17, 300);
    const store = await keptViews(record, [usageProjection, callsProjection]);
    const [from, to] = [epochMs(record.now - 4 * 86_400_000), epochMs(record.now + 1)];
    const report = (params: Pick<UsageReportParams, 'granularity' | 'timeZone' | 'where' | 'groupBy'>) =>
      store.snapshot((snapshot) => usageReport(snapshot, { orgId, from, to, ...params }));
    const known = await report({ granularity: 'hour', where: { model: [models[0]] } });
    expect(known.rows.length).toBeGreaterThan(5);
    await fc.assert(
      fc.asyncProperty(asked, async (question) => {
        const { dimension, values, granularity, timeZone } = question;
        const { rows, totals } = await report({ granularity, timeZone, where: { [dimension]: values } });
        const found = rows.map((row) => [row.from, SUM_COLUMNS.map((column) => row[column])] as const);
        expect(found).toEqual(filtered(await report({ granularity, timeZone, groupBy: [dimension] }), question));
        SUM_COLUMNS.forEach((column, at) => {
          expect(totals[column]).toBe(found.reduce((sum, [, sums]) => sum + (sums[at] ?? 0n), 0n));
        });
      }),
      { numRuns: 60 },
    );
  });
});
