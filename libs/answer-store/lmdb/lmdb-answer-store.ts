import { mkdirSync } from 'node:fs';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type CallId, type EpochMs, epochMs } from '#kernel';
import type { AnswerRow, AnswerStore } from '../port';

interface StoredRow {
  readonly callId: string;
  readonly body: string;
  readonly answer?: Uint8Array;
  readonly expiresAt: number;
}

/**
 * Rows by key, and their keys by expiry, changed in one transaction. It acknowledges what is on disk: without
 * overlapping syncs a write resolves after its sync.
 */
export class LmdbAnswerStore implements AnswerStore {
  private readonly root: RootDatabase;
  private readonly rows: Database<StoredRow, string>;
  private readonly expiries: Database<true, [number, string]>;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.root = open({ path: directory, overlappingSync: false, maxDbs: 2, compression: false });
    this.rows = this.root.openDB<StoredRow, string>({ name: 'rows', encoding: 'msgpack' });
    this.expiries = this.root.openDB<true, [number, string]>({ name: 'expiries', encoding: 'msgpack' });
  }

  async put(key: string, row: AnswerRow): Promise<void> {
    await this.root.transaction(() => {
      const before = this.rows.get(key);
      if (before !== undefined) void this.expiries.remove([before.expiresAt, key]);
      void this.rows.put(key, row);
      void this.expiries.put([row.expiresAt, key], true);
    });
  }

  async find(key: string, now: EpochMs): Promise<AnswerRow | undefined> {
    const row = this.rows.get(key);
    if (row === undefined || row.expiresAt <= now) return undefined;
    return {
      callId: row.callId as CallId,
      body: row.body,
      ...(row.answer === undefined ? {} : { answer: new Uint8Array(row.answer) }),
      expiresAt: epochMs(row.expiresAt),
    };
  }

  async sweep(now: EpochMs, rowsMax: number): Promise<number> {
    const expired = [...this.expiries.getKeys({ end: [now + 1, ''], limit: rowsMax })];
    if (expired.length === 0) return 0;
    await this.root.transaction(() => {
      for (const [expiresAt, key] of expired) {
        void this.expiries.remove([expiresAt, key]);
        // A key may have been taken again since it was looked for: its new row has not expired.
        const row = this.rows.get(key);
        if (row !== undefined && row.expiresAt <= now) void this.rows.remove(key);
      }
    });
    return expired.length;
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}
