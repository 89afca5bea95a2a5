import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Record, someRecord } from '#projections/spec-kit';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import type { ReadSideReport } from './port';
import { ReadSide } from './read-side';
import { answersText } from './spec-kit';

const RECORDS = 120;

/** Views of a record in EventStoreDB, as each gateway has them. */
describe('the read side of a record in EventStoreDB', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'read-side-esdb-'));
  let double: EventStoreDbDouble;
  let readSide: ReadSide;
  const reports: ReadSideReport[] = [];

  beforeAll(async () => {
    double = await EventStoreDbDouble.start();
  });
  afterAll(async () => {
    await readSide?.close();
    await double.dispose();
    rmSync(dataDir, { recursive: true });
  });

  /** @returns the position of the last one. */
  async function write(record: Record, from = 0): Promise<bigint> {
    for (const event of (await record.events()).slice(from)) double.append(event.stream, [event]);
    return double.records.at(-1)?.position ?? 0n;
  }

  async function open(name: string): Promise<ReadSide> {
    return ReadSide.open({
      dataDir: join(dataDir, name),
      record: { kind: 'eventstoredb', url: double.connectionString },
      execution: 'in-process',
      report: (report) => reports.push(report),
    });
  }

  /** What the views answer, but for positions: they differ between stores. */
  async function answers(of: ReadSide, record: Record, position: bigint): Promise<string> {
    for (let tries = 0; !(await of.waitFor(position)) && tries < 10; tries += 1) of.poke(position);
    return (await answersText(of, record)).replaceAll(/"position":"\d+n"/g, '"position":""');
  }

  it('follows it, goes on after a restart, and is built anew when the record was restored meanwhile or while it runs', async () => {
    const record = await someRecord(41, RECORDS);
    const backup = double.backUp();
    const half = await someRecord(41, RECORDS / 2);
    const halfWritten = await write(half);
    readSide = await open('views');
    const ofHalf = await answers(readSide, half, halfWritten);
    const allWritten = await write(record, (await half.events()).length);
    readSide.poke(allWritten);
    const ofAll = await answers(readSide, record, allWritten);
    expect(ofAll).not.toBe(ofHalf);

    await readSide.close();
    readSide = await open('views');
    expect(await answers(readSide, record, allWritten)).toBe(ofAll);
    expect(reports.filter(({ type }) => type === 'record-restored')).toEqual([]);

    // While it runs: the same events stand at the same positions up to the half, and then there is nothing more.
    await double.restore(backup);
    const again = await write(half);
    readSide.poke(again);
    while (!reports.some(({ type }) => type === 'record-restored'))
      await new Promise((resolve) => setImmediate(resolve));
    expect(await answers(readSide, half, again)).toBe(ofHalf);

    // While it does not run.
    await readSide.close();
    reports.length = 0;
    await double.restore(backup);
    const other = await someRecord(42, RECORDS);
    const otherWritten = await write(other);
    readSide = await open('views');
    const ofOther = await answers(readSide, other, otherWritten);
    expect(reports.map(({ type }) => type)).toContain('record-restored');
    const fresh = await open('fresh');
    expect(await answers(fresh, other, otherWritten)).toBe(ofOther);
    await fresh.close();
  }, 30_000);
});
