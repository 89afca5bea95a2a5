import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { epochMs, present } from '#kernel';
import { completing, orgId, Record, someRecord } from '#projections/spec-kit';
import type { ReadSideOptions, ReadSideReport } from './port';
import { ReadSide } from './read-side';
import { denseReader } from './record-source';
import { answersText } from './spec-kit';

let dataDir: string;
const open: ReadSide[] = [];
const reports: ReadSideReport[] = [];

async function opened(record: Record, options: Partial<ReadSideOptions> = {}): Promise<ReadSide> {
  const readSide = await ReadSide.open({
    dataDir,
    record: { kind: 'lmdb', directory: '' },
    execution: 'in-process',
    // The read side closes its reader, which must not end the record.
    reader: denseReader({
      readAll: (query) => record.store.readAll(query),
      lastPosition: () => record.store.lastPosition(),
      close: async () => undefined,
    }),
    report: (report) => reports.push(report),
    ...options,
  });
  open.push(readSide);
  return readSide;
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'read-side-'));
});
afterEach(async () => {
  for (const readSide of open.splice(0)) await readSide.close();
  reports.length = 0;
  rmSync(dataDir, { recursive: true });
});

async function rebuilt(readSide: ReadSide, view: string): Promise<void> {
  const before = readSide.progress().length;
  await readSide.rebuild(view);
  while (readSide.progress().length === before || readSide.progress().at(-1)?.status !== 'switched')
    await new Promise((resolve) => setImmediate(resolve));
}

describe('the read side', () => {
  it('answers every query the same, byte for byte, after every view was dropped and rebuilt', async () => {
    const record = await someRecord(31, 300);
    const readSide = await opened(record);
    const before = await answersText(readSide, record);
    expect(before.length).toBeGreaterThan(20_000);

    for (const view of ['usage', 'calls', 'budgets', 'api-keys', 'problems']) await rebuilt(readSide, view);
    expect(await answersText(readSide, record)).toBe(before);

    await readSide.close();
    rmSync(join(dataDir, 'read'), { recursive: true });
    expect(await answersText(await opened(record), record)).toBe(before);
  });

  it('answers the same after a restart, without folding anything again', async () => {
    const record = await someRecord(32, 200);
    const first = await opened(record);
    const before = await answersText(first, record);
    await first.close();
    const second = await opened(record);
    expect(await answersText(second, record)).toBe(before);
    expect(second.progress()).toEqual([]);
  });

  it('answers in JSON what it answers otherwise, under the names that a plane has for it', async () => {
    const record = await someRecord(33, 100);
    const readSide = await opened(record);
    const { calls, ...rest } = await readSide.query('callsSearch', { orgId, limit: 50 });
    const json = new TextDecoder().decode(
      await readSide.queryJson('callsSearch', { orgId, limit: 50 }, { calls: 'data' }),
    );
    expect(calls.length).toBeGreaterThan(10);
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(present({ data: calls, ...rest }, 'camel'))));
    const range = { orgId, from: epochMs(5), to: epochMs(5), granularity: 'day' } as const;
    await expect(readSide.queryJson('usageReport', range)).rejects.toMatchObject({ code: 'range_invalid' });
  });

  it('lets a caller wait for its own write', async () => {
    const record = new Record();
    const readSide = await opened(record);
    const call = record.authorize();
    await record.perform(call);
    const position = await record.store.lastPosition();
    const { callId } = call;

    const asked = readSide.query('callById', { orgId, callId }, { atLeast: position });
    readSide.poke(position);

    expect((await asked).call).toMatchObject({ outcome: 'open' });
    expect((await asked).watermark).toEqual({ position, time: record.now, unsettledCalls: 1 });
    expect(await readSide.waitFor(position)).toBe(true);
  });

  it('says when the views have not come so far in time, and answers what is there', async () => {
    const record = new Record();
    const readSide = await opened(record);
    expect(await readSide.waitFor(99n, 10)).toBe(false);
    expect((await readSide.watermark()).position).toBe(0n);
  });

  it('counts calls that are not settled, until they are', async () => {
    const record = new Record();
    const readSide = await opened(record);
    const calls = [record.authorize(), record.authorize()];
    for (const call of calls) await record.perform(call);
    readSide.poke(2n);
    await readSide.waitFor(2n);
    expect(await readSide.watermark()).toMatchObject({ unsettledCalls: 2 });
    for (const { callId } of calls) await record.perform(completing(callId, 5));
    readSide.poke(4n);
    await readSide.waitFor(4n);
    expect(await readSide.watermark()).toMatchObject({ unsettledCalls: 0 });
  });

  it('builds its views anew when their file is damaged', async () => {
    const record = await someRecord(33, 100);
    const first = await opened(record);
    const before = await answersText(first, record);
    await first.close();
    const path = join(dataDir, 'read', 'views.sqlite');
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    writeFileSync(path, 'this is no database, whatever its name says'.repeat(200));

    const second = await opened(record);

    expect(reports).toContainEqual(
      expect.objectContaining({ type: 'error', message: expect.stringContaining('is damaged') }),
    );
    expect(await answersText(second, record)).toBe(before);
  });

  it('refuses what cannot be answered, and a view that is none', async () => {
    const readSide = await opened(new Record());
    const [from, to] = [epochMs(5), epochMs(5)];
    await expect(readSide.query('usageReport', { orgId, from, to, granularity: 'day' })).rejects.toMatchObject({
      name: 'QueryRefusedError',
      code: 'range_invalid',
    });
    await expect(readSide.rebuild('nothing')).rejects.toThrow('there is no view "nothing"');
  });

  it('is closed for good', async () => {
    const readSide = await opened(new Record());
    const waiting = readSide.waitFor(5n);
    await readSide.close();
    await readSide.close();
    expect(await waiting).toBe(false);
    await expect(readSide.watermark()).rejects.toThrow('the read side is closed');
  });
});
