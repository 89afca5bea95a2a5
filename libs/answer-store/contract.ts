import { type CallId, type EpochMs, epochMs } from '#kernel';
import type { AnswerRow, AnswerStore } from './port';

export interface AnswerStoreHarness {
  readonly store: AnswerStore;
  /** Closes and opens the same store again; absent where nothing outlives the process. */
  readonly reopen?: () => Promise<AnswerStore>;
}

const NOW = epochMs(1_790_000_000_000);

function row(callId: string, expiresAt: EpochMs, answer?: string): AnswerRow {
  return {
    callId: callId as CallId,
    body: `hmac of ${callId}`,
    ...(answer === undefined ? {} : { answer: new TextEncoder().encode(answer) }),
    expiresAt,
  };
}

/** What every adapter of the answer store must do. */
export function answerStoreContract(name: string, open: () => Promise<AnswerStoreHarness>): void {
  describe(`${name} as an answer store`, () => {
    let harness: AnswerStoreHarness;

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(async () => harness.store.close());

    it('gives back what was put, with and without an answer', async () => {
      await harness.store.put('a', row('req_1', epochMs(NOW + 1_000), 'hello'));
      await harness.store.put('b', row('req_2', epochMs(NOW + 1_000)));
      expect(await harness.store.find('a', NOW)).toEqual(row('req_1', epochMs(NOW + 1_000), 'hello'));
      expect(await harness.store.find('b', NOW)).toEqual(row('req_2', epochMs(NOW + 1_000)));
      expect(await harness.store.find('c', NOW)).toBeUndefined();
    });

    it('replaces a row of the same key', async () => {
      await harness.store.put('a', row('req_1', epochMs(NOW + 1_000), 'first'));
      await harness.store.put('a', row('req_2', epochMs(NOW + 9_000), 'second'));
      expect(await harness.store.find('a', epochMs(NOW + 5_000))).toEqual(row('req_2', epochMs(NOW + 9_000), 'second'));
      expect(await harness.store.sweep(epochMs(NOW + 5_000), 100)).toBe(0);
      expect(await harness.store.find('a', epochMs(NOW + 5_000))).toBeDefined();
    });

    it('forgets a row at the moment it expires, swept or not', async () => {
      await harness.store.put('a', row('req_1', epochMs(NOW + 1_000)));
      expect(await harness.store.find('a', epochMs(NOW + 999))).toBeDefined();
      expect(await harness.store.find('a', epochMs(NOW + 1_000))).toBeUndefined();
    });

    it('sweeps only what has expired, so many rows at once', async () => {
      for (let i = 0; i < 5; i += 1) await harness.store.put(`old ${i}`, row(`req_${i}`, epochMs(NOW + i)));
      await harness.store.put('young', row('req_9', epochMs(NOW + 9_000)));
      expect(await harness.store.sweep(epochMs(NOW + 100), 3)).toBe(3);
      expect(await harness.store.sweep(epochMs(NOW + 100), 3)).toBe(2);
      expect(await harness.store.sweep(epochMs(NOW + 100), 3)).toBe(0);
      expect(await harness.store.find('young', NOW)).toBeDefined();
    });

    it('sweeps no row that is put again meanwhile', async () => {
      await harness.store.put('a', row('req_1', epochMs(NOW + 1)));
      const putting = harness.store.put('a', row('req_2', epochMs(NOW + 9_000)));
      await Promise.all([putting, harness.store.sweep(epochMs(NOW + 100), 10)]);
      expect(await harness.store.find('a', epochMs(NOW + 100))).toEqual(row('req_2', epochMs(NOW + 9_000)));
    });

    it('keeps an answer of a megabyte byte for byte', async () => {
      const answer = Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * 31) % 256);
      await harness.store.put('large', { ...row('req_1', epochMs(NOW + 1_000)), answer });
      const found = await harness.store.find('large', NOW);
      expect(Buffer.compare(Buffer.from(found?.answer ?? []), Buffer.from(answer))).toBe(0);
    });

    it('outlives its process, where it is to', async () => {
      if (harness.reopen === undefined) return;
      await harness.store.put('a', row('req_1', epochMs(NOW + 1_000), 'kept'));
      const reopened = await harness.reopen();
      harness = { ...harness, store: reopened };
      expect(await reopened.find('a', NOW)).toEqual(row('req_1', epochMs(NOW + 1_000), 'kept'));
      expect(await reopened.sweep(epochMs(NOW + 1_000), 10)).toBe(1);
    });
  });
}
