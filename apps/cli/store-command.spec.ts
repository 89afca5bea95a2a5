import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import { openLmdbEventStore } from '#event-store/lmdb';
import { composeEventId, type StreamName } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { EXIT } from './exit-codes';
import { aiaas } from './spec-kit';

let root: string;
let double: EventStoreDbDouble;

beforeAll(async () => {
  double = await EventStoreDbDouble.start();
});

afterAll(() => double.dispose());

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'aiaas-cli-'));
});

afterEach(() => rmSync(root, { recursive: true }));

function event(n: number) {
  const random = createHash('sha256').update(`${n}`).digest().subarray(0, 10);
  return { id: composeEventId(Date.UTC(2026, 0, 1) + n, random), type: 'Tested', body: Buffer.from(`{"n":${n}}`) };
}

/** A record whose first events are the same for every call with the same streams. */
async function recordIn(directory: string, streams: string, first = 0): Promise<void> {
  const store = openLmdbEventStore({ directory });
  let n = first;
  for (const name of streams) {
    await store.append(`ledger-${name}` as StreamName, 'any', [event(n)]);
    n += 1;
  }
  await store.close();
}

describe('aiaas store copy', () => {
  it('moves a record into EventStoreDB and back; the digests are equal', async () => {
    const [data, back] = [join(root, 'data'), join(root, 'back')];
    await recordIn(join(data, 'events'), 'abacus');
    const environment = { RECORD: `esdb://admin:geheim@127.0.0.1:${double.port}?tls=false` };
    const there = await aiaas(['store', 'copy', '--from', `lmdb:${data}`, '--to-env', 'RECORD', '--json'], environment);
    expect(there.code).toBe(EXIT.equal);
    const result = JSON.parse(there.out);
    expect(result).toMatchObject({
      verdict: 'equal',
      copied: { found: 0, written: 6 },
      source: { events: 6, streams: 5, position: '6' },
      target: { events: 6, streams: 5, name: `esdb://127.0.0.1:${double.port}` },
    });
    expect(result.source.digest).toBe(result.target.digest);
    const home = await aiaas(['store', 'copy', '--from-env', 'RECORD', '--to', `lmdb:${back}`], environment);
    expect(home).toMatchObject({ code: EXIT.equal, out: expect.stringContaining('written  6 events') });
    expect(home.out.split(result.source.digest)).toHaveLength(3);
    const verified = await aiaas(['store', 'verify', '--from', `lmdb:${data}`, '--to', `lmdb:${back}`]);
    expect(verified).toMatchObject({ code: EXIT.equal, out: expect.stringContaining('Equal: both stores hold') });
    for (const { out, err } of [there, home, verified]) expect(out + err).not.toContain('geheim');
  });

  it('takes a data directory or its events directory, and says which', async () => {
    const data = join(root, 'data');
    await recordIn(join(data, 'events'), 'ab');
    const [one, two] = [join(root, 'one'), join(root, 'two', 'events')];
    const first = await aiaas(['store', 'copy', '--from', `lmdb:${data}`, '--to', `lmdb:${one}`]);
    expect(first.err).toContain(`${data} is a data directory: its events directory was taken`);
    expect(first.err).toContain(`${one} is taken for a data directory: its record will be in ${one}/events`);
    const second = await aiaas(['store', 'copy', '--from', `lmdb:${data}/events`, '--to', `lmdb:${two}`]);
    expect(second).toMatchObject({ code: EXIT.equal, err: '' });
    expect(existsSync(join(one, 'events', 'events.mdb')) && existsSync(join(two, 'events.mdb'))).toBe(true);
  });

  it('refuses a target that holds something else, and names the first difference', async () => {
    await recordIn(join(root, 'source'), 'abc');
    await recordIn(join(root, 'target', 'events'), 'abz');
    const { code, out } = await aiaas([
      'store',
      'copy',
      '--from',
      `lmdb:${root}/source`,
      '--to',
      `lmdb:${root}/target`,
    ]);
    expect(code).toBe(EXIT.different);
    expect(out).toMatch(/nothing was written to it: event 3 is Tested ledger-c@0 .* but Tested ledger-z@0/);
  });

  it('refuses a target that is ahead of the source', async () => {
    await recordIn(join(root, 'source'), 'ab');
    await recordIn(join(root, 'target', 'events'), 'abc');
    const { code, out } = await aiaas([
      'store',
      'copy',
      '--from',
      `lmdb:${root}/source`,
      '--to',
      `lmdb:${root}/target`,
    ]);
    expect(code).toBe(EXIT.different);
    expect(out).toContain('the source ends after 2 events, but the target goes on with Tested ledger-c@0');
  });

  it('refuses a directory that a platform uses, unless it is told to copy what there is', async () => {
    const directory = join(root, 'data', 'events');
    await recordIn(directory, 'ab');
    const platform = openLmdbEventStore({ directory });
    const copy = ['store', 'copy', '--from', `lmdb:${directory}`, '--to', `lmdb:${root}/target`];
    const refused = await aiaas(copy);
    expect(refused).toMatchObject({
      code: EXIT.unavailable,
      err: expect.stringContaining('in use by another process'),
    });
    expect(existsSync(join(root, 'target'))).toBe(false);
    const live = await aiaas([...copy, '--live']);
    expect(live).toMatchObject({ code: EXIT.equal, out: expect.stringContaining('ends at position 2') });
    await platform.append('ledger-c' as StreamName, 'no-stream', [event(2)]);
    await platform.close();
    const rest = await aiaas(copy);
    expect(rest.out).toMatch(/found {4}2 events in the target\nwritten {2}1 events/);
    expect(rest.code).toBe(EXIT.equal);
  });

  it('makes nothing where the source is not', async () => {
    const { code, err } = await aiaas(['store', 'copy', '--from', `lmdb:${root}/no`, '--to', `lmdb:${root}/target`]);
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain(`there is no event store in ${root}/no/events`);
    expect(readdirSync(root)).toEqual([]);
  });

  it('says at once when a server is not there', async () => {
    const port = await freePort();
    await recordIn(join(root, 'source'), 'a');
    const to = `esdb://127.0.0.1:${port}?tls=false&maxDiscoverAttempts=1`;
    const { code, err } = await aiaas(['store', 'copy', '--from', `lmdb:${root}/source`, '--to', to]);
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain('no server runs there');
  });

  it.each([
    ['lmdb:', '--from names no directory'],
    ['file:/tmp', '--from must begin with lmdb: or esdb://'],
    ['esdb://admin:geheim@host:port', 'is no host with an optional port'],
    ['esdb://127.0.0.1', 'the connection string has no user'],
  ])('refuses the store %s', async (from, sentence) => {
    const { code, err } = await aiaas(['store', 'copy', '--from', from, '--to', `lmdb:${root}/b`]);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(sentence);
    expect(err).not.toContain('geheim');
  });

  it('refuses to copy a store to itself', async () => {
    await recordIn(join(root, 'data', 'events'), 'a');
    const { code, err } = await aiaas([
      'store',
      'copy',
      '--from',
      `lmdb:${root}/data`,
      '--to',
      `lmdb:${root}/data/events`,
    ]);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('name the same store');
  });

  it('says so when a file is no event store', async () => {
    mkdirSync(join(root, 'bad'));
    writeFileSync(join(root, 'bad', 'events.mdb'), Buffer.alloc(10_000, 7));
    const { code, err } = await aiaas(['store', 'copy', '--from', `lmdb:${root}/bad`, '--to', `lmdb:${root}/target`]);
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain('is not an event store or is damaged');
  });
});

describe('aiaas store verify', () => {
  it('tells a beginning of the record from another record', async () => {
    await recordIn(join(root, 'whole'), 'abc');
    await recordIn(join(root, 'part'), 'ab');
    await recordIn(join(root, 'other'), 'abc', 7);
    const part = await aiaas(['store', 'verify', '--from', `lmdb:${root}/whole`, '--to', `lmdb:${root}/part`]);
    expect(part).toMatchObject({
      code: EXIT.incomplete,
      out: expect.stringContaining('the beginning of the record only'),
    });
    const other = await aiaas([
      'store',
      'verify',
      '--from',
      `lmdb:${root}/whole`,
      '--to',
      `lmdb:${root}/other`,
      '--json',
    ]);
    expect(other.code).toBe(EXIT.different);
    expect(JSON.parse(other.out)).toMatchObject({
      verdict: 'different',
      difference: expect.stringMatching(/^event 1 is/),
    });
    const ahead = await aiaas(['store', 'verify', '--from', `lmdb:${root}/part`, '--to', `lmdb:${root}/whole`]);
    expect(ahead.code).toBe(EXIT.different);
  });

  it('reads stores that are in use', async () => {
    await recordIn(join(root, 'one'), 'ab');
    await recordIn(join(root, 'two'), 'ab');
    const platform = openLmdbEventStore({ directory: join(root, 'one') });
    const { code } = await aiaas(['store', 'verify', '--from', `lmdb:${root}/one`, '--to', `lmdb:${root}/two`]);
    await platform.close();
    expect(code).toBe(EXIT.equal);
  });
});

it('a server that is not empty is refused', async () => {
  const other = await EventStoreDbDouble.start();
  await recordIn(join(root, 'source'), 'ab');
  const intruder = new EventStoreDbEventStore(parseConnectionString(other.connectionString));
  await intruder.append('ledger-x' as StreamName, 'no-stream', [event(50)]);
  await intruder.close();
  const { code, out } = await aiaas(['store', 'copy', '--from', `lmdb:${root}/source`, '--to', other.connectionString]);
  await other.dispose();
  expect(code).toBe(EXIT.different);
  expect(out).toContain('The target holds something else');
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
