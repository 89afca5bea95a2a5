import { spawn } from 'node:child_process';
import { projectRoot } from './fresh-build';

/** Opens the platform's own store as a second writer and keeps every other one waiting until its input is closed. */
const LOCK_HOLDER = `
  const [file] = process.argv.slice(1);
  const { open } = require('lmdb');
  const table = open({ path: file, encoding: 'binary', keyEncoding: 'binary', maxReaders: 126 });
  table.transactionSync(() => {
    process.stdout.write('held');
    try { require('node:fs').readSync(0, Buffer.alloc(1)); } catch {}
  });
`;

/** Keeps everybody from writing an LMDB file, until the returned function has resolved. */
export async function holdLmdbWrites(file: string): Promise<() => Promise<void>> {
  const holder = spawn(process.execPath, ['-e', LOCK_HOLDER, file], { cwd: projectRoot(), stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', (code) => reject(new Error(`the lock holder ended with ${code}`)));
  });
  return async () => {
    holder.stdin.end();
    await new Promise((resolve) => holder.once('exit', resolve));
  };
}
