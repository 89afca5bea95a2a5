import { composeEventId, type EncodedEvent, nanoUsd, type StreamName } from '#kernel';
import { ledgerStream } from '#ledger';
import { callsProjection } from '#projections/calls';
import { completing, orgId, Record, someRecord } from '#projections/spec-kit';
import { usageProjection } from '#projections/usage';
import { type GenerationCommit, type Projection, projection } from '#read-store';
import { MemoryReadStore } from '#read-store/memory';
import { PROBLEMS_VIEW, problems } from './problems-view';
import { closedAfterwards, closeHosts, HostUnderTest, PROJECTIONS, started } from './spec-kit';

afterEach(closeHosts);

function foreignEvent(type: string, body: string, serial = 1): EncodedEvent {
  const id = composeEventId(1_767_225_600_000, Uint8Array.from([9, 9, 0, 0, 0, 0, 0, 0, 0, serial]));
  return { id, type, body: new TextEncoder().encode(body) };
}

describe('the host of the projections', () => {
  it('makes the same documents whatever the batches, positions included', async () => {
    const record = await someRecord(21, 250);
    const dumps = [];
    for (const batchEventsMax of [1, 7, 10_000])
      dumps.push(await (await started(record, new MemoryReadStore(), PROJECTIONS, batchEventsMax)).dump());
    expect(Object.values(dumps[0] ?? {}).some((documents) => documents.length > 20)).toBe(true);
    expect(dumps[1]).toEqual(dumps[0]);
    expect(dumps[2]).toEqual(dumps[0]);
  });

  it('follows the record while it is written', async () => {
    const record = new Record();
    const under = await started(record);
    for (let i = 0; i < 5; i += 1) {
      await record.perform(record.authorize());
      await under.caughtUp();
      expect((await under.dump())['calls.calls']).toHaveLength(i + 1);
    }
  });

  it('goes on after usage that no row can hold, and counts all else of it', async () => {
    const record = new Record();
    const under = await started(record);
    const dearest = nanoUsd(10n ** 15n);
    const prices = { version: 1, input: dearest, cachedInput: dearest, cacheWrite: dearest, output: dearest };
    for (let i = 0; i < 2; i += 1) {
      const call = record.authorize({ prices });
      await record.perform(call);
      await record.perform(completing(call.callId, Number.MAX_SAFE_INTEGER - 10));
    }
    await under.caughtUp();
    await under.rebuilt('usage');
    const dump = await under.dump();
    const held = dump['calls.calls']?.map(({ columns }) => columns.outcome);
    expect(held).toEqual(['completed', 'completed']);
    const most = { inputTokens: Number.MAX_SAFE_INTEGER, excess: 2n ** 63n - 1n };
    for (const table of ['quarters', 'hours', 'days', 'quarterTotals', 'hourTotals'])
      for (const { columns } of dump[`usage.${table}`] ?? [])
        expect(columns).toMatchObject({ ...most, calls: 2, outputTokens: 6, cost: 2n * 2_000n * 10n ** 9n });
    expect(dump['usage.days']).toHaveLength(1);
    expect(under.host.progress().at(-1)).toMatchObject({ differentDocuments: 0 });
    expect(under.reports.filter(({ type }) => type === 'error' || type === 'problem')).toEqual([]);
  });

  it('goes on where it stopped', async () => {
    const record = await someRecord(5, 100);
    const store = new MemoryReadStore();
    await (await started(record, store)).close();
    for (let i = 0; i < 20; i += 1) await record.perform(record.authorize());

    const again = await started(record, store);

    expect(again.host.progress()).toEqual([]);
    expect(await again.dump()).toEqual(await (await started(record)).dump());
  });

  it('loses and repeats nothing when commits fail, before or after they were written', async () => {
    const record = await someRecord(8, 200);
    const expected = await (await started(record)).dump();
    const store = new MemoryReadStore();
    const under = new HostUnderTest(record, store, PROJECTIONS, 10);
    closedAfterwards(under);
    const commit = store.commit.bind(store);
    let commits = 0;
    await (await started(new Record(), store)).close();
    store.commit = async (parts: readonly GenerationCommit[]) => {
      commits += 1;
      if (commits % 3 === 1) throw new Error('the disk is full');
      await commit(parts);
      if (commits % 3 === 2) throw new Error('the answer was lost');
    };

    await under.start();

    expect(await under.dump()).toEqual(expected);
    const errors = under.reports.filter(({ type }) => type === 'error');
    expect(errors).toContainEqual({ type: 'error', message: 'the disk is full' });
    expect(errors).toContainEqual({ type: 'error', message: 'the answer was lost' });
  });

  it('knows how far its views are when only the answer of the last commit was lost, and nothing follows it', async () => {
    const record = await someRecord(8, 20);
    const store = new MemoryReadStore();
    const under = await started(record, store);
    const commit = store.commit.bind(store);
    store.commit = async (parts: readonly GenerationCommit[]) => {
      store.commit = commit;
      await commit(parts);
      throw new Error('the answer was lost');
    };

    await record.perform(record.authorize());

    await under.caughtUp();
    expect(await under.dump()).toEqual(await (await started(record)).dump());
  });

  it('notices a record that was restored to an older state, and builds its views anew', async () => {
    const store = new MemoryReadStore();
    await (await started(await someRecord(1, 100), store)).close();
    const other = await someRecord(2, 100);

    const under = await started(other, store);

    expect(under.reports[0]).toMatchObject({ type: 'record-restored' });
    expect(under.host.progress()).toMatchObject([{ reason: 'record-restored', status: 'switched' }]);
    expect(await under.dump()).toEqual(await (await started(other)).dump());
  });

  it('notices a record that is shorter than what was folded', async () => {
    const store = new MemoryReadStore();
    await (await started(await someRecord(1, 100), store)).close();
    const under = await started(await someRecord(1, 50), store);
    expect(under.reports[0]).toMatchObject({ type: 'record-restored' });
  });

  it('notices a record that is restored while it follows it, and builds its views anew', async () => {
    const [record, other] = [await someRecord(1, 100), await someRecord(2, 60)];
    const under = await started(record);
    const { store } = record;
    under.restore(other);
    under.feed.poke();
    await under.until(({ type }) => type === 'record-restored');

    await under.caughtUp();

    expect(under.host.progress().at(-1)).toMatchObject({ reason: 'record-restored', status: 'switched' });
    expect(await under.dump()).toEqual(await (await started(other)).dump());
    await store.close();
  });

  it('keeps its views while the record does not answer', async () => {
    const under = await started(await someRecord(1, 50));
    const before = await under.dump();
    under.breakRecord('the record is away');
    under.feed.poke();
    await under.until((report) => report.type === 'error' && report.message.includes('the record is away'));
    under.breakRecord(undefined);

    await under.record.perform(under.record.authorize());
    await under.caughtUp();

    expect(under.reports.map(({ type }) => type)).not.toContain('record-restored');
    expect(await under.dump()).not.toEqual(before);
  });

  it('refolds only the view whose version has changed', async () => {
    const record = await someRecord(3, 100);
    const store = new MemoryReadStore();
    await (await started(record, store)).close();
    const newer = { ...usageProjection, view: { ...usageProjection.view, version: usageProjection.view.version + 1 } };

    const under = await started(record, store, [newer, ...PROJECTIONS.slice(1)]);

    expect(under.host.progress()).toMatchObject([{ views: ['usage'], reason: 'new-version', status: 'switched' }]);
    expect(await under.dump()).toEqual(await (await started(record)).dump());
  });
});

describe('an event that a view cannot take in', () => {
  const page = (under: HostUnderTest) => under.store.snapshot((snapshot) => problems(snapshot, {}));

  it.each([
    {
      kind: 'unknown_event',
      stream: ledgerStream(orgId),
      event: foreignEvent('InferenceTeleported', '{"at":"2026-05-01T00:00:00.000Z"}'),
    },
    { kind: 'unknown_event', stream: 'nobody-knows' as StreamName, event: foreignEvent('X', '{}') },
    {
      kind: 'unreadable_event',
      stream: ledgerStream(orgId),
      event: foreignEvent('InferenceCompleted', '{"at":"2026-05-01T00:00:00.000Z","data":{},"v":1}'),
    },
    { kind: 'unreadable_event', stream: ledgerStream(orgId), event: foreignEvent('BudgetEnded', 'no JSON') },
  ])('is reported and kept as $kind, and the views go on', async ({ kind, stream, event }) => {
    const record = new Record();
    const under = await started(record);
    await record.perform(record.authorize());
    const { position } = await record.store.append(stream, 'any', [event]);
    await record.perform(record.authorize());
    await under.caughtUp();

    const problem = { kind, position, stream, type: event.type, eventId: event.id };
    expect(under.reports.filter(({ type }) => type === 'problem')).toMatchObject([{ problem }]);
    expect(await page(under)).toMatchObject({
      total: 1,
      problems: [problem],
      watermark: { position: await record.store.lastPosition() },
    });
    expect((await under.dump())['calls.calls']).toHaveLength(2);
  });

  it('is no problem when its context is known and no view needs it', async () => {
    const record = new Record();
    await record.store.append('catalogue' as StreamName, 'any', [foreignEvent('AnythingAtAll', '{}')]);
    const under = await started(record);
    expect(await page(under)).toMatchObject({ total: 0, problems: [] });
  });

  it('is reported with the view when a fold fails on it, and changes nothing there', async () => {
    const fragile: Projection = projection(
      'fragile',
      1,
      callsProjection.tables,
      callsProjection.folds.map((fold) => ({
        ...fold,
        evolve: () => {
          throw new Error('a bug');
        },
      })),
    );
    const record = new Record();
    const under = await started(record, new MemoryReadStore(), [...PROJECTIONS, fragile]);
    await record.perform(record.authorize());
    await under.caughtUp();
    const problem = { kind: 'fold_failed', view: 'fragile', message: 'a bug' };
    expect(under.reports.at(-1)).toMatchObject({ type: 'problem', problem });
    expect(await page(under)).toMatchObject({ problems: [problem] });
    expect((await under.dump())['calls.calls']).toHaveLength(1);
  });

  it('is met again, and noted once, when the problems view is rebuilt', async () => {
    const record = new Record();
    const under = await started(record);
    await record.store.append('nobody-knows' as StreamName, 'any', [foreignEvent('X', '{}')]);
    await under.caughtUp();
    const before = await page(under);
    await under.rebuilt(PROBLEMS_VIEW);
    expect(await page(under)).toEqual(before);
  });
});
