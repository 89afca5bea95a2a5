import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventStore } from '#event-store';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import { openLmdbEventStore } from '#event-store/lmdb';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { copyRecord } from './copy-record';
import { contentOf, eventNumber, record, streamOf } from './spec-kit';

const directory = mkdtempSync(join(tmpdir(), 'store-copy-'));
let double: EventStoreDbDouble;
const opened: EventStore[] = [];

function lmdb(name: string): EventStore {
  const store = openLmdbEventStore({ directory: join(directory, name) });
  opened.push(store);
  return store;
}

function eventStoreDb(): EventStore {
  const store = new EventStoreDbEventStore(parseConnectionString(double.connectionString), { appendTimeoutMs: 1_000 });
  opened.push(store);
  return store;
}

beforeEach(async () => {
  double = await EventStoreDbDouble.start();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await double.dispose();
});

afterAll(() => rmSync(directory, { recursive: true }));

/** Digests of both stores after a copy that found them equal. */
async function copied(source: EventStore, target: EventStore, appendsInFlightMax = 1): Promise<readonly string[]> {
  const report = await copyRecord({ source, target, appendsInFlightMax });
  if (report.kind !== 'copied') throw new Error('the copy was refused');
  expect(report.comparison.difference).toBeUndefined();
  return [report.comparison.source.digest, report.comparison.target.digest];
}

it('from disk to EventStoreDB and back to another disk, the record stays the same byte for byte', async () => {
  const source = lmdb('there');
  await source.append(
    streamOf('ledger-org_1'),
    'no-stream',
    [0, 1, 2].map((n) => eventNumber(n)),
  );
  await record(source, ['catalogue', 'ledger-org_1', 'gateway-boot_1', 'ledger-org_1'], 10);
  const traced = Buffer.from('{"correlation":"c-1","not":"canonical" }');
  await source.append(streamOf('catalogue'), 0n, [{ ...eventNumber(20), body: traced }]);
  const middle = eventStoreDb();
  const target = lmdb('back');

  const there = await copied(source, middle);
  const back = await copied(middle, target, 16);

  expect(new Set([...there, ...back]).size).toBe(1);
  expect(await contentOf(target)).toEqual(await contentOf(source));
});

it("the server's own events are nobody's record", async () => {
  double.append('$settings', [eventNumber(0)]);
  const source = eventStoreDb();
  await record(source, ['ledger-a'], 1);
  expect(await copyRecord({ source, target: lmdb('without-system') })).toMatchObject({ kind: 'copied', written: 1 });
});

it('a target that loses answers, and breaks connections, ends up with each event once', async () => {
  const source = lmdb('faulty');
  await record(source, 'abacabadabacaba');
  double.appendFaults.add({ kind: 'lost-answer' }, 3);
  double.appendFaults.add({ kind: 'broken-before' }, 2);
  double.appendFaults.add({ kind: 'silence' });
  double.appendFaults.add({ kind: 'server-timeout' });
  const target = eventStoreDb();
  await copied(source, target);
  expect(await contentOf(target)).toEqual(await contentOf(source));
});
