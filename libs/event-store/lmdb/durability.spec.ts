import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { transformFileSync } from '@swc/core';
import type { StoredEvent } from '#kernel';
import { collect, someEvent } from '../harness.contract';
import { openLmdbEventStore } from './lmdb-event-store';

const ROOT = resolve(__dirname, '../../..');
const EXIT_IO_ERROR = 74;
const work = mkdtempSync(join(tmpdir(), 'event-store-durability-'));
const program = join(work, 'durability.child.cjs');

/** Child processes cannot run TypeScript, and a build may be older than the source, so the source is compiled here. */
function compileStore(): void {
  for (const folder of ['libs/kernel', 'libs/event-store', 'libs/event-store/lmdb'])
    for (const file of readdirSync(join(ROOT, folder)).filter((name) => /^[a-z-]+\.ts$/.test(name))) {
      const { code } = transformFileSync(join(ROOT, folder, file), {
        swcrc: false,
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
      });
      mkdirSync(join(work, folder), { recursive: true });
      writeFileSync(join(work, folder, file.replace(/\.ts$/, '.js')), code);
    }
  writeFileSync(join(work, 'package.json'), JSON.stringify({ imports: { '#*': './libs/*/index.js' } }));
  symlinkSync(join(ROOT, 'node_modules'), join(work, 'node_modules'));
  cpSync(join(__dirname, 'durability.child.cjs'), program);
}

let stores = 0;
function newDirectory(): string {
  stores += 1;
  return join(work, `store-${stores}`);
}

function start(name: string, directory: string): ChildProcess & { lines: AsyncIterable<string> } {
  const child = spawn(process.execPath, [program, name, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  return Object.assign(child, { lines: createInterface({ input: child.stdout }) });
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((done) => child.once('close', () => done()));
}

async function firstLine(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) return line;
  throw new Error('the child process said nothing');
}

/** Why strace cannot be used here; `undefined` when it can. */
function straceMissing(): string | undefined {
  const { status, error } = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
  if (error !== undefined) return 'strace is not installed';
  return status === 0 ? undefined : 'strace may not trace processes here';
}

function runUnderStrace(inject: string, name: string, directory: string) {
  const calls = inject.slice(0, inject.indexOf(':'));
  return spawnSync(
    'strace',
    [
      '-f',
      '-o',
      '/dev/null',
      '-e',
      `trace=${calls}`,
      '-e',
      `inject=${inject}`,
      process.execPath,
      program,
      name,
      directory,
    ],
    // One thread, so that the count of calls that strace keeps per thread is a count of flushes.
    { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: '1' } },
  );
}

beforeAll(compileStore);
afterAll(() => rmSync(work, { recursive: true }));

describe('an acknowledged append', () => {
  it('survives kill -9 at any moment, whole and in its place', async () => {
    const directory = newDirectory();
    const acknowledged: { stream: string; revision: bigint; ids: string[] }[] = [];
    for (let round = 0; round < 4; round += 1) {
      const child = start('appendForEver', directory);
      const ended = exited(child);
      const linesBeforeKill = 20 + Math.floor(Math.random() * 400);
      let heard = 0;
      for await (const line of child.lines) {
        const [stream = '', revision = '', ids = ''] = line.split(' ');
        acknowledged.push({ stream, revision: BigInt(revision), ids: ids.split(',') });
        heard += 1;
        if (heard === linesBeforeKill) child.kill('SIGKILL');
      }
      await ended;
    }

    const store = openLmdbEventStore({ directory });
    const all = await collect(store.readAll());
    await store.close();
    const idAt = new Map(all.map((event) => [`${event.stream}@${event.revision}`, event.id]));
    for (const { stream, revision, ids } of acknowledged)
      for (const [index, id] of ids.entries())
        expect(idAt.get(`${stream}@${revision - BigInt(ids.length - 1 - index)}`)).toBe(id);
    expect(acknowledged.length).toBeGreaterThan(80);
    expectNoGapAndNoHalfBatch(all);
  });

  const missing = straceMissing();
  it('has waited for its writes and its sync', () => {
    if (missing !== undefined) return console.warn(`not tested that appends wait for the sync: ${missing}`);
    const directory = newDirectory();
    const { stdout } = runUnderStrace('fdatasync,pwrite64:delay_exit=150000', 'timeOneAppend', directory);
    // The sync of the pages, and then the root that makes them valid, which is written through.
    expect(Number(stdout)).toBeGreaterThanOrEqual(300);
  });

  it('is never invented: when a sync fails, the process says so and ends', async () => {
    if (missing !== undefined) return console.warn(`not tested what a failing sync does: ${missing}`);
    const directory = newDirectory();
    await openLmdbEventStore({ directory }).close();

    const { status, stdout, stderr } = runUnderStrace('fdatasync:error=EIO:when=3+', 'appendFive', directory);

    expect(stdout.trim().split('\n')).toEqual(['acknowledged 1', 'acknowledged 2']);
    expect(stderr).toContain('the event store can no longer write: Input/output error. The process ends;');
    expect(status).toBe(EXIT_IO_ERROR);
    const store = openLmdbEventStore({ directory });
    expect((await collect(store.readAll())).length).toBeGreaterThanOrEqual(2);
    await store.close();
  });
});

describe('a directory', () => {
  it('belongs to one process, until that process ends, however it ends', async () => {
    const directory = newDirectory();
    const child = start('hold', directory);
    const ended = exited(child);
    expect(await firstLine(child.lines)).toBe('open');

    expect(() => openLmdbEventStore({ directory })).toThrow(`${directory} is in use by another process`);
    child.kill('SIGKILL');
    await ended;

    const store = openLmdbEventStore({ directory });
    await store.append('after' as never, 'no-stream', [someEvent()]);
    await store.close();
  });
});

describe('a reader in a worker thread', () => {
  it('sees every append of the main thread, in order, while the store grows', async () => {
    const child = start('appendBesideReaders', newDirectory());
    const reports: unknown[] = [];
    for await (const line of child.lines) reports.push(JSON.parse(line));

    const storeId = expect.stringMatching(/^[0-9a-f]{32}$/);
    const seen = { seen: 4_001, gaps: 0, late: 0, streams: 50, storeId };
    expect(reports).toEqual([seen, seen, { position: 4_002, storeId }]);
  });
});

function expectNoGapAndNoHalfBatch(all: readonly StoredEvent[]): void {
  const heads = new Map<string, bigint>();
  let position = 0n;
  let partsLeft = 0;
  for (const event of all) {
    position += 1n;
    const revision = (heads.get(event.stream) ?? -1n) + 1n;
    heads.set(event.stream, revision);
    const [part = 0, of = 0] = (event.type.match(/\d+/g) ?? []).map(Number);
    if (partsLeft === 0) partsLeft = of;
    if (event.position !== position || event.revision !== revision || part !== of - partsLeft + 1)
      throw new Error(`${event.stream}@${event.revision} (${event.type}) stands wrongly at ${event.position}`);
    partsLeft -= 1;
  }
  expect(partsLeft).toBe(0);
}
