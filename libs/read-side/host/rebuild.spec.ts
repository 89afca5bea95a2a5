import { Record, someRecord } from '#projections/spec-kit';
import { MemoryReadStore } from '#read-store/memory';
import { closeHosts, PROJECTIONS, started } from './spec-kit';

afterEach(closeHosts);

describe('a rebuild', () => {
  it('gives the same documents, says that nothing differs, and leaves one generation', async () => {
    const under = await started(await someRecord(13, 250));
    const before = await under.dump();
    for (const view of ['usage', 'calls', 'budgets', 'api-keys']) await under.rebuilt(view);
    expect(await under.dump()).toEqual(before);
    const requested = under.host.progress().filter(({ reason }) => reason === 'requested');
    expect(requested).toHaveLength(4);
    for (const progress of requested)
      expect(progress).toMatchObject({ status: 'switched', share: 1, differentDocuments: 0 });
    const generations = await under.store.generations();
    expect(generations.every(({ status }) => status === 'live')).toBe(true);
    expect(new Set(generations.map(({ checkpoint }) => checkpoint?.position)).size).toBe(1);
  });

  it('keeps up with what is written meanwhile; queries see the old view, then the new one', async () => {
    const record = await someRecord(17, 150);
    const under = await started(record, new MemoryReadStore(), PROJECTIONS, 5);
    const written = (async () => {
      for (let i = 0; i < 60; i += 1) {
        await record.perform(record.authorize());
        under.feed.poke();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    let least = Number.POSITIVE_INFINITY;
    const watching = { done: false };
    const watched = (async () => {
      const known = (await under.dump())['calls.calls']?.length ?? 0;
      while (!watching.done) {
        least = Math.min(least, ((await under.dump())['calls.calls']?.length ?? 0) - known);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();

    await under.rebuilt('calls');
    watching.done = true;
    await Promise.all([written, watched]);
    await under.caughtUp();

    expect(least).toBeGreaterThanOrEqual(0);
    expect(under.host.progress().at(-1)).toMatchObject({ status: 'switched', differentDocuments: 0 });
    expect(await under.dump()).toEqual(await (await started(record)).dump());
  });

  it('says how many documents of the view before were wrong, and puts them right', async () => {
    const under = await started(await someRecord(19, 100));
    const before = await under.dump();
    const [generation] = (await under.store.generations()).filter(({ view }) => view === 'calls');
    const [call] = before['calls.calls'] ?? [];
    if (generation?.checkpoint === undefined || call === undefined) throw new Error('the view is not empty');
    const wrong = { ...call, position: call.position + 1n, columns: { ...call.columns, code: 'wrong' } };
    await under.store.commit([
      {
        generation,
        expected: generation.checkpoint,
        checkpoint: generation.checkpoint,
        changes: [{ table: 'calls', saved: [wrong], deleted: [] }],
      },
    ]);

    await under.rebuilt('calls');

    expect(under.host.progress().at(-1)).toMatchObject({ differentDocuments: 1 });
    expect(await under.dump()).toEqual(before);
  });

  it('refuses a view that is none', async () => {
    const under = await started(new Record());
    expect(() => under.host.rebuild('nothing')).toThrow('there is no view "nothing"');
  });

  it('that is cut short leaves nothing behind', async () => {
    const record = await someRecord(23, 200);
    const store = new MemoryReadStore();
    const under = await started(record, store, PROJECTIONS, 1);
    under.host.rebuild('calls');
    await new Promise((resolve) => setImmediate(resolve));
    await under.close();
    const again = await started(record, store);
    expect((await store.generations()).every(({ status }) => status === 'live')).toBe(true);
    expect(await again.dump()).toEqual(await (await started(record)).dump());
  });
});
