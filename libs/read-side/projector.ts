import { rmSync } from 'node:fs';
import { DirectEventFeed } from '#event-feed/direct';
import { apiKeysProjection } from '#projections/api-keys';
import { budgetsProjection } from '#projections/budgets';
import { callsProjection } from '#projections/calls';
import { isKnownEvent } from '#projections/sources';
import { usageProjection } from '#projections/usage';
import type { Checkpoint } from '#read-store';
import { SqliteReadStore } from '#read-store/sqlite';
import { ProjectionHost } from './host';
import type { ReadSideReport, RebuildProgress } from './port';
import type { RecordReader } from './record-source';

export interface ProjectorOptions {
  /** The SQLite file of the views. */
  readonly path: string;
  readonly record: RecordReader;
  readonly report: (report: ReadSideReport) => void;
  readonly onLive: (checkpoint: Checkpoint | undefined) => void;
}

/** How long opening waits for views that are built for the first time: a young record needs no longer. */
const FIRST_BUILD_WAIT_MS = 1_000;

const PROJECTIONS = [usageProjection, callsProjection, budgetsProjection, apiKeysProjection];

/** SQLite's words for a file that it cannot make sense of. */
const UNUSABLE = /SQLITE_(?:CORRUPT|NOTADB)/;

/** Views hold nothing that the record does not: a damaged file is made again. */
function openViews({ path, report }: ProjectorOptions): { store: SqliteReadStore; recreated: boolean } {
  try {
    return { store: SqliteReadStore.open(path), recreated: false };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!UNUSABLE.test(code)) throw error;
    report({ type: 'error', message: `${path} is damaged (${code}); the views are built anew from the record.` });
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return { store: SqliteReadStore.open(path), recreated: true };
  }
}

/** Folds the record into the views, in the thread that it lives in. */
export class Projector {
  private constructor(
    private readonly store: SqliteReadStore,
    private readonly feed: DirectEventFeed,
    private readonly host: ProjectionHost,
    private readonly record: RecordReader,
    /** The file had to be made again; who has the old one open must open it anew. */
    readonly recreated: boolean,
  ) {}

  static async open(options: ProjectorOptions): Promise<Projector> {
    const { record, report, onLive } = options;
    const { store, recreated } = openViews(options);
    const feed = new DirectEventFeed(record);
    const host = new ProjectionHost({
      store,
      feed,
      projections: PROJECTIONS,
      isKnown: isKnownEvent,
      head: () => record.lastPosition(),
      eventIdAt: (position) => record.eventIdAt(position),
      report,
      onLive,
    });
    const { ready } = await host.start();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_BUILD_WAIT_MS);
    });
    await Promise.race([ready, patience]);
    clearTimeout(timer);
    return new Projector(store, feed, host, record, recreated);
  }

  poke(): void {
    this.feed.poke();
  }

  /** @throws Error for an unknown view. */
  rebuild(view: string): void {
    this.host.rebuild(view);
  }

  progress(): readonly RebuildProgress[] {
    return this.host.progress();
  }

  async close(): Promise<void> {
    await this.host.close();
    await this.feed.close();
    await this.store.close();
    await this.record.close();
  }
}
