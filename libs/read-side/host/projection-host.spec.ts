import { DirectEventFeed } from '#event-feed/direct';
import type { EventStore, ReadAllOptions } from '#event-store';
import { composeEventId, type EncodedEvent, type StoredEvent, type StreamName } from '#kernel';
import { ledgerStream } from '#ledger';
import { apiKeysProjection } from '#projections/api-keys';
import { budgetsProjection } from '#projections/budgets';
import { callsProjection } from '#projections/calls';
import { isKnownEvent } from '#projections/sources';
import { orgId, Record, someRecord } from '#projections/spec-kit';
import { usageProjection } from '#projections/usage';
import { type Document, type GenerationCommit, type Projection, projection, type ReadStore } from '#read-store';
import { MemoryReadStore } from '#read-store/memory';
import type { ReadSideReport } from '../port';
import { PROBLEMS_VIEW, problems } from './problems-view';
import { ProjectionHost } from './projection-host';

const PROJECTIONS = [usageProjection, callsProjection, budgetsProjection, apiKeysProjection];

/** A host over a record, with what it reported and a way to wait for a position. */
class HostUnderTest {
  readonly reports: ReadSideReport[] = [];
  readonly feed: DirectEventFeed;
  readonly host: ProjectionHost;
  #live: bigint | undefined;
  #waiters: { position: bigint; resolve: () => void }[] = [];
  #reportWaiters: { matches: (report: ReadSideReport) => boolean; resolve: () => void }[] = [];
  #trouble: Error | undefined;

  constructor(
    public record: Record,
    readonly store: ReadStore = new MemoryReadStore(),
    projections: readonly Projection[] = PROJECTIONS,
    batchEventsMax = 50,
  ) {
    const readAll: EventStore['readAll'] = (query) => this.#read(query);
    this.feed = new DirectEventFeed({ readAll }, { batchEventsMax, retryMs: 1 });
    this.host = new ProjectionHost({
      store,
      feed: this.feed,
      projections,
      isKnown: isKnownEvent,
      head: () => this.record.store.lastPosition(),
      eventIdAt: async (position) => {
        if (this.#trouble !== undefined) throw this.#trouble;
        const [event] = (await this.record.events()).filter((one) => one.position === position);
        return event?.id;
      },
      report: (report) => {
        this.reports.push(report);
        for (const { matches, resolve } of this.#reportWaiters) if (matches(report)) resolve();
      },
      onLive: (checkpoint) => {
        this.#live = checkpoint?.position ?? 0n;
        for (const { position, resolve } of this.#waiters) if (position <= this.#live) resolve();
      },
    });
  }

  async start(): Promise<this> {
    const { ready } = await this.host.start();
    await ready;
    return this.caughtUp();
  }

  /** As stores do: beyond its end a restored one has no position to read after. */
  async *#read(query: ReadAllOptions = {}): AsyncIterable<StoredEvent> {
    if (this.#trouble !== undefined) throw this.#trouble;
    const { store } = this.record;
    if ((query.after ?? 0n) > (await store.lastPosition())) throw new Error('the store ends before that position');
    yield* store.readAll(query);
  }

  /** Puts another record in the place of the one that is followed. */
  restore(record: Record): void {
    this.record = record;
  }

  breakRecord(reason: string | undefined): void {
    this.#trouble = reason === undefined ? undefined : new Error(reason);
  }

  /** Until something was reported. */
  async until(matches: (report: ReadSideReport) => boolean): Promise<void> {
    if (this.reports.some(matches)) return;
    await new Promise<void>((resolve) => {
      this.#reportWaiters.push({ matches, resolve });
    });
  }

  /** Once everything that is in the record is in the views. */
  async caughtUp(): Promise<this> {
    const position = await this.record.store.lastPosition();
    this.feed.poke();
    if (this.#live === undefined || this.#live < position)
      await new Promise<void>((resolve) => {
        this.#waiters.push({ position, resolve });
      });
    return this;
  }

  async rebuilt(view: string): Promise<this> {
    const before = this.host.progress().length;
    this.host.rebuild(view);
    while (this.host.progress().length === before || this.host.progress().at(-1)?.status !== 'switched')
      await new Promise((resolve) => setImmediate(resolve));
    return this;
  }

  /** Every live document of every table. */
  async dump(): Promise<{ readonly [table: string]: readonly Document[] }> {
    return this.store.snapshot(async (snapshot) => {
      const tables: { [table: string]: readonly Document[] } = {};
      for (const { view } of PROJECTIONS)
        for (const { name } of view.tables) {
          const query = { where: {}, orderBy: { column: 'id', direction: 'ascending' }, limit: 10_000 } as const;
          tables[`${view.name}.${name}`] = (await snapshot.find(view.name, name, query)).documents;
        }
      return tables;
    });
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.feed.close();
  }
}

const open: HostUnderTest[] = [];
async function started(...args: ConstructorParameters<typeof HostUnderTest>): Promise<HostUnderTest> {
  const under = new HostUnderTest(...args);
  open.push(under);
  return under.start();
}
afterEach(async () => {
  for (const under of open.splice(0)) await under.close();
});

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
    open.push(under);
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
