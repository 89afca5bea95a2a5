import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openLmdbEventStore } from '#event-store/lmdb';
import { composeEventId, type StreamName } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { builtMain } from '#testing/platform-process';
import { EXIT } from './exit-codes';

const EVENTS = 900;
const root = mkdtempSync(join(tmpdir(), 'aiaas-cli-killed-'));
let double: EventStoreDbDouble;

beforeAll(async () => {
  double = await EventStoreDbDouble.start();
  const store = openLmdbEventStore({ directory: join(root, 'events') });
  const appends = Array.from({ length: EVENTS }, (_, n) => {
    const random = Buffer.alloc(10);
    random.writeUInt32BE(n, 6);
    const event = { id: composeEventId(Date.UTC(2026, 0, 1), random), type: 'Tested', body: Buffer.from(`{"n":${n}}`) };
    return store.append(`ledger-${n % 7}` as StreamName, 'any', [event]);
  });
  await Promise.all(appends);
  await store.close();
});

afterAll(async () => {
  await double.dispose();
  rmSync(root, { recursive: true });
});

function start() {
  const main = join(dirname(builtMain()), '../cli/main.js');
  if (!existsSync(main)) throw new Error('The command line is not compiled: run "npm run build" first.');
  const args = ['store', 'copy', '--from', `lmdb:${root}`, '--to-env', 'TARGET', '--json'];
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, TARGET: double.connectionString },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return { child, closed: once(child, 'close'), out: () => out };
}

function written(): number {
  return double.records.filter(({ stream }) => !stream.startsWith('$')).length;
}

/** Resolves when the target holds at least so many events; looks whenever the event loop comes round. */
async function untilWritten(events: number): Promise<void> {
  while (written() < events) await new Promise((resolve) => setImmediate(resolve));
}

it('a copy that is killed goes on when it is run again, and one that is interrupted says so', async () => {
  const killed = start();
  await untilWritten(200);
  killed.child.kill('SIGKILL');
  await killed.closed;
  const afterKill = written();
  expect(afterKill).toBeLessThan(EVENTS);

  const interrupted = start();
  await untilWritten(afterKill + 100);
  interrupted.child.kill('SIGINT');
  const [code] = await interrupted.closed;
  expect(code).toBe(EXIT.interrupted);
  const found = written();
  expect(found).toBeLessThan(EVENTS);

  const last = start();
  const [end] = await last.closed;
  expect(end).toBe(EXIT.equal);
  expect(JSON.parse(last.out())).toMatchObject({ verdict: 'equal', copied: { found, written: EVENTS - found } });
  expect(written()).toBe(EVENTS);
});
