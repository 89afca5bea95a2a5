import * as fc from 'fast-check';
import { epochMs, nanoUsd } from '#kernel';
import { budgetViews } from '#ledger';
import { callsProjection } from '../calls';
import { budgetIds, completing, foldAll, keptViews, orgId, Record, someRecord } from '../spec-kit';
import { budgetsProjection } from './projection';
import { budgetHistory } from './queries';
import { budgetsTable, HISTORY_ENTRIES_MAX, holdsTable, periodsTable } from './tables';

const budgetId = budgetIds[0];
const monthly = {
  type: 'DefineBudget',
  budgetId,
  name: 'all',
  scope: { type: 'organization' },
  unit: 'cost',
  period: 'monthly',
  limit: 10_000n,
  mode: 'block',
  thresholds: [50],
  timeZone: 'UTC',
} as const;

async function folded(record: Record) {
  return foldAll(budgetsProjection, await record.events());
}

describe('the budgets view', () => {
  it('counts exactly what the ledger counts, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const record = await someRecord(seed, 150);
        const view = await folded(record);
        const now = epochMs(record.now);
        for (const expected of budgetViews(record.state, now)) {
          const budget = view.get(budgetsTable, expected.budgetId);
          expect(budget).toMatchObject({ limit: expected.limit, mode: expected.mode, ended: expected.ended });
          const { settled, held, unresolved } = expected;
          const period = view
            .all(periodsTable)
            .find((one) => one.budgetId === expected.budgetId && one.from === expected.periodStart);
          // A period that no call has opened has no document, and nothing in it.
          const counted = period ?? { settled: 0n, held: 0n, unresolved: 0n };
          expect(counted).toMatchObject({ settled, held, unresolved });
        }
        const open = record.state.holds.size + record.state.unresolved.size;
        expect(view.all(holdsTable).length).toBeLessThanOrEqual(open);
      }),
      { numRuns: 25 },
    );
  });

  it('keeps the figures of past periods, and what was announced in them', async () => {
    const record = new Record();
    await record.perform(monthly);
    const inMay = record.authorize();
    await record.perform(inMay);
    await record.perform(completing(inMay.callId, 6_000));
    record.later(31 * 86_400_000);
    const inJune = record.authorize();
    await record.perform(inJune);

    const periods = (await folded(record)).all(periodsTable);

    expect(periods).toMatchObject([
      { limit: 10_000n, settled: 2_000n, held: 0n, thresholdsReached: [] },
      { limit: 10_000n, settled: 0n, held: 2_000n },
    ]);
    expect(periods[0]?.to).toBe(periods[1]?.from);
  });

  it('corrects the period that a call belongs to, however long it is over', async () => {
    const record = new Record();
    await record.perform(monthly);
    const inMay = record.authorize();
    await record.perform(inMay);
    await record.perform({ type: 'ExpireCall', callId: inMay.callId, cause: 'owner-dead' });
    const resolve = { type: 'ResolveCall', callId: inMay.callId, source: 'operator', reason: 'invoice' } as const;
    await record.perform({ ...resolve, cost: nanoUsd(2_000n) });
    record.later(31 * 86_400_000);
    await record.perform(record.authorize());
    await record.perform({ ...resolve, cost: nanoUsd(300n) });

    const periods = (await folded(record)).all(periodsTable);

    expect(periods).toMatchObject([
      { settled: 300n, held: 0n, unresolved: 0n },
      { settled: 0n, held: 2_000n },
    ]);
  });

  it('tells who changed a budget, when and to what', async () => {
    const record = new Record();
    await record.perform(monthly);
    await record.perform(record.authorize());
    await record.later(1_000).perform({ type: 'ChangeBudget', budgetId, limit: 3_000n });
    await record.later(1_000).perform({ type: 'EndBudget', budgetId });

    const view = await folded(record);

    const budget = view.get(budgetsTable, budgetId);
    expect(budget?.history).toMatchObject([
      { what: 'defined', limit: 10_000n, actor: 'system:spec' },
      { what: 'changed', limit: 3_000n, at: record.now - 1_000 },
      { what: 'ended', at: record.now },
    ]);
    expect(budget).toMatchObject({ ended: true, limit: 3_000n, historyEntriesLeftOut: 0 });
    expect(view.all(periodsTable)[0]?.limit).toBe(3_000n);
  });

  it('leaves out the oldest of very many changes, and says how many', async () => {
    const record = new Record();
    await record.perform(monthly);
    for (let i = 0; i < HISTORY_ENTRIES_MAX + 4; i += 1)
      await record.perform({ type: 'ChangeBudget', budgetId, limit: BigInt(i) });

    const budget = (await folded(record)).get(budgetsTable, budgetId);

    expect(budget?.history).toHaveLength(HISTORY_ENTRIES_MAX);
    expect(budget?.historyEntriesLeftOut).toBe(5);
    expect(budget?.history.at(-1)).toMatchObject({ limit: BigInt(HISTORY_ENTRIES_MAX + 3) });
  });

  it('notes thresholds and limits that were passed', async () => {
    const record = new Record();
    await record.perform({ ...monthly, mode: 'warn', limit: 1_500n });
    const call = record.authorize();
    await record.perform(call);
    await record.perform(completing(call.callId, 800));

    const [period] = (await folded(record)).all(periodsTable);

    expect(period?.exceeded).toEqual([{ at: record.now, used: 2_000n, limit: 1_500n }]);
    expect(period?.thresholdsReached).toEqual([{ threshold: 50, at: record.now, spent: 806n }]);
  });

  it('pages through all periods, newest first, each once', async () => {
    const record = new Record();
    await record.perform({ ...monthly, period: 'daily', limit: 1_000_000n });
    for (let day = 0; day < 40; day += 1) {
      const call = record.authorize();
      await record.perform(call);
      await record.perform(completing(call.callId, 10));
      record.later(86_400_000);
    }
    const store = await keptViews(record, [budgetsProjection, callsProjection]);
    const page = (after?: string, periodsMax?: number) =>
      store.snapshot((snapshot) =>
        budgetHistory(snapshot, {
          orgId,
          budgetId,
          ...(after === undefined ? {} : { after }),
          ...(periodsMax === undefined ? {} : { periodsMax }),
        }),
      );
    const first = await page();
    expect([first.periods.length, first.next === null]).toEqual([36, false]);
    const rest = await page(first.next ?? '');
    expect([rest.periods.length, rest.next]).toEqual([4, null]);
    const all = await page(undefined, 1_000);
    expect([...first.periods, ...rest.periods]).toEqual(all.periods);
    await expect(page('x')).rejects.toMatchObject({ code: 'cursor_invalid' });
    await expect(page(undefined, 0)).rejects.toMatchObject({ code: 'limit_invalid' });
  });

  it('survives its stored form', async () => {
    const view = await folded(await someRecord(7, 300));
    for (const table of [budgetsTable, periodsTable, holdsTable] as const) {
      const docs = view.all<unknown>(table);
      expect(docs.length).toBeGreaterThan(0);
      for (const doc of docs) {
        const { columns, rest } = (table as typeof budgetsTable).encode(doc as never);
        const id = (doc as { budgetId?: string }).budgetId ?? '';
        const stored = { id, position: 1n, columns, rest: JSON.parse(JSON.stringify(rest)) };
        expect(table.decode(stored)).toEqual(doc);
      }
    }
  });
});
