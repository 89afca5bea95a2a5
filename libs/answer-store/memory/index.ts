import type { EpochMs } from '#kernel';
import type { AnswerRow, AnswerStore } from '../port';

/** For tests and simulations: forgets everything with its process. */
export class MemoryAnswerStore implements AnswerStore {
  private readonly rows = new Map<string, AnswerRow>();

  async put(key: string, row: AnswerRow): Promise<void> {
    this.rows.set(key, row);
  }

  async find(key: string, now: EpochMs): Promise<AnswerRow | undefined> {
    const row = this.rows.get(key);
    return row !== undefined && row.expiresAt > now ? row : undefined;
  }

  async sweep(now: EpochMs, rowsMax: number): Promise<number> {
    const expired = [...this.rows].filter(([, { expiresAt }]) => expiresAt <= now).slice(0, rowsMax);
    for (const [key] of expired) this.rows.delete(key);
    return expired.length;
  }

  async close(): Promise<void> {}
}
