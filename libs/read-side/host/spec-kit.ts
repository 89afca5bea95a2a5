import { DirectEventFeed } from '#event-feed/direct';
import type { EventStore, ReadAllOptions } from '#event-store';
import { type StoredEvent } from '#kernel';
import { apiKeysProjection } from '#projections/api-keys';
import { budgetsProjection } from '#projections/budgets';
import { callsProjection } from '#projections/calls';
import { isKnownEvent } from '#projections/sources';
import { Record } from '#projections/spec-kit';
import { usageProjection } from '#projections/usage';
import { type Document, type Projection, type ReadStore } from '#read-store';
import { MemoryReadStore } from '#read-store/memory';
import type { ReadSideReport } from '../port';
import { ProjectionHost } from './projection-host';

export const PROJECTIONS = [usageProjection, callsProjection, budgetsProjection, apiKeysProjection];

/** A host over a record, with what it reported and a way to wait for a position. */
export class HostUnderTest {
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
/** Hosts that are closed after the test. */
export function closedAfterwards(under: HostUnderTest): void {
  open.push(under);
}

/** Opens a host that is closed after the test. */
export async function started(...args: ConstructorParameters<typeof HostUnderTest>): Promise<HostUnderTest> {
  const under = new HostUnderTest(...args);
  open.push(under);
  return under.start();
}
/** After each test of a suite that starts hosts. */
export async function closeHosts(): Promise<void> {
  for (const under of open.splice(0)) await under.close();
}
