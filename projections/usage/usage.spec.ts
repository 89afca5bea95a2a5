import * as fc from 'fast-check';
import { nanoUsd } from '#kernel';
import type { AuthorizeCall, LedgerCommand } from '#ledger';
import { Histogram } from '#read-store';
import { callsProjection } from '../calls';
import { callsTable } from '../calls/table';
import { backendIds, completing, foldAll, Record, someRecord, traced } from '../spec-kit';
import { pendingTable } from './contribution';
import { usageProjection } from './projection';
import {
  GRAIN_MS,
  GRAINS,
  grainTables,
  SUM_COLUMNS,
  scopesOf,
  TOTALLED_GRAINS,
  totalsTables,
  type UsageRow,
  type UsageSums,
} from './tables';

function sums(rows: readonly UsageSums[]) {
  return Object.fromEntries(
    SUM_COLUMNS.map((column) => [column, rows.reduce((sum, row) => sum + BigInt(row[column]), 0n)]),
  );
}

async function folded(record: Record) {
  return foldAll(usageProjection, await record.events());
}

describe('the usage view', () => {
  it('counts a corrected call once, as it stands, where it stood', async () => {
    const record = new Record();
    const command = record.authorize();
    const { callId } = command;
    await record.perform(command);
    const counted = { input: 50, cachedInput: 0, cacheWrite: 0, output: 9 };
    await record.perform({ type: 'AbandonCall', callId, reason: 'client-left', counted, trace: traced(900) });
    const resolve = { type: 'ResolveCall', callId, source: 'operator', reason: 'asked' } as const;
    await record.perform({ ...resolve, cost: nanoUsd(0n) });
    record.later(50 * 3_600_000);
    await record.perform({ ...resolve, cost: nanoUsd(2_500n), tokens: 70n });
    await record.perform({ ...resolve, cost: nanoUsd(59n) });

    const rows = (await folded(record)).all(grainTables.hours);

    expect(rows).toMatchObject([
      {
        outcome: 'resolved',
        backendId: backendIds[0],
        calls: 1,
        cost: 59n,
        excess: 0n,
        inputTokens: 50,
        outputTokens: 9,
      },
    ]);
    expect(rows[0]).toMatchObject({ unsplitTokens: 0 });
  });

  it('adds up to exactly what the calls are, whatever happened, in every grain', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const record = await someRecord(seed, 150);
        const view = await folded(record);
        const calls = foldAll(callsProjection, await record.events()).all(callsTable);
        const ended = calls.filter(({ outcome }) => outcome !== 'open' && outcome !== 'refused');
        const total = sums(view.all(grainTables.quarters));
        expect(total.calls).toBe(BigInt(ended.length));
        expect(total.cost).toBe(ended.reduce((sum, { charged }) => sum + charged, 0n));
        expect(total.excess).toBe(ended.reduce((sum, { excess }) => sum + excess, 0n));
        const tokens = ended.reduce(
          (sum, { usage, resolution }) => sum + (resolution?.tokens ?? BigInt(usage?.output ?? 0)),
          0n,
        );
        expect(total.outputTokens).toBeLessThanOrEqual(tokens);
        for (const outcome of ['completed', 'interrupted', 'failed', 'released', 'unresolved', 'resolved'] as const) {
          const rows = view.all(grainTables.hours).filter((row) => row.outcome === outcome);
          expect(sums(rows).calls).toBe(BigInt(ended.filter((call) => call.outcome === outcome).length));
        }
        for (const grain of GRAINS) {
          const rows = view.all(grainTables[grain]);
          expect(sums(rows)).toEqual(total);
          expect(rows.every(({ bucket }) => bucket % GRAIN_MS[grain] === 0)).toBe(true);
          const measured = rows.reduce((sum, { latency }) => sum + Histogram.decode(latency).total, 0);
          expect(measured).toBe(ended.filter(({ latencyMs }) => latencyMs !== undefined).length);
        }
        for (const grain of TOTALLED_GRAINS) {
          const expected = new Map<string, UsageRow[]>();
          for (const row of view.all(grainTables[grain]))
            for (const scope of scopesOf(row)) {
              const key = `${scope} ${row.bucket}`;
              expected.set(key, [...(expected.get(key) ?? []), row]);
            }
          const totals = view.all(totalsTables[grain]);
          expect(totals).toHaveLength(expected.size);
          for (const one of totals) expect(sums([one])).toEqual(sums(expected.get(`${one.scope} ${one.bucket}`) ?? []));
        }
        expect(view.all(pendingTable)).toHaveLength(ended.filter(({ outcome }) => outcome === 'unresolved').length);
      }),
      { numRuns: 20 },
    );
  });

  it('counts a call in the hour of its authorization, however late it ends', async () => {
    const record = new Record();
    const call = record.authorize();
    const started = record.now;
    await record.perform(call);
    await record.later(3 * 3_600_000).perform(completing(call.callId, 10));
    expect((await folded(record)).all(grainTables.hours)).toMatchObject([{ bucket: started, calls: 1 }]);
  });

  it('moves an unresolved call when its cost becomes known, and leaves no trace of it', async () => {
    const record = new Record();
    const call = record.authorize();
    const { callId } = call;
    await record.perform(call);
    const trace = traced(900, backendIds[1]);
    const counted = { input: 5, cachedInput: 0, cacheWrite: 0, output: 6 };
    await record.perform({ type: 'AbandonCall', callId, reason: 'client_left', counted, trace });
    expect((await folded(record)).all(grainTables.days)).toMatchObject([
      { outcome: 'unresolved', code: 'client_left', calls: 1, cost: 0n },
    ]);

    const resolve = { type: 'ResolveCall', callId, source: 'policy', cost: nanoUsd(11n), reason: 'counted' } as const;
    await record.perform(resolve);

    const view = await folded(record);
    expect(view.all(grainTables.days)).toMatchObject([
      {
        outcome: 'resolved',
        code: null,
        calls: 1,
        cost: 11n,
        inputTokens: 5,
        outputTokens: 6,
        backendId: backendIds[1],
      },
    ]);
    expect(view.all(pendingTable)).toEqual([]);
    await record.perform(completing(callId, 900));
    expect((await folded(record)).all(grainTables.days)).toEqual(view.all(grainTables.days));
  });

  it('says whether a backend or the response cache served a call, in no more rows than backends make', async () => {
    const record = new Record();
    const ended: readonly ((call: AuthorizeCall) => LedgerCommand)[] = [
      ({ callId }) => completing(callId, 10),
      ({ callId }) => ({ ...completing(callId, 2), trace: cached, servedFrom: 'cache' }) as LedgerCommand,
      ({ callId }) => ({ type: 'FailCall', callId, error: 'boom', billed: 'never', trace: traced(1) }),
      ({ callId, owner }) => ({
        type: 'ReleaseCall',
        callId,
        owner,
        reason: 'no_backend',
        dispatched: false,
        trace: cached,
      }),
    ];
    const cached = { ...traced(2), attempts: [] };
    for (const end of ended) {
      const call = record.authorize();
      await record.perform(call);
      await record.perform(end(call));
    }
    const rows = (await folded(record)).all(grainTables.days);
    expect(rows.map(({ outcome, servedFrom, backendId }) => [outcome, servedFrom, backendId !== null])).toEqual([
      ['completed', 'backend', true],
      ['completed', 'cache', false],
      ['failed', 'backend', true],
      ['released', null, false],
    ]);
  });

  it('makes one row of messages that are no codes', async () => {
    const record = new Record();
    for (const error of ['Something went wrong at 12:00', 'Something went wrong at 12:01']) {
      const call = record.authorize();
      await record.perform(call);
      await record.perform({ type: 'FailCall', callId: call.callId, error, billed: 'never', trace: traced(1) });
    }
    expect((await folded(record)).all(grainTables.days)).toMatchObject([
      { outcome: 'failed', code: 'other', calls: 2 },
    ]);
  });

  it('survives its stored form', async () => {
    const view = await folded(await someRecord(11, 300));
    for (const row of view.all(grainTables.hours)) {
      const { columns, rest } = grainTables.hours.encode(row);
      const decoded = grainTables.hours.decode({ id: 'x', position: 1n, columns, rest });
      expect(decoded).toEqual({ ...row, latency: decoded.latency, firstByte: decoded.firstByte });
      expect(decoded.latency).toBe(Histogram.decode(row.latency).encode());
    }
    for (const pending of view.all(pendingTable)) {
      const { rest } = pendingTable.encode(pending);
      const stored = { id: 'x', position: 1n, columns: {}, rest: JSON.parse(JSON.stringify(rest)) };
      expect(pendingTable.decode(stored)).toEqual(pending);
    }
  });
});
