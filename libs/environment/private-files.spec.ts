import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePrivate } from './private-files';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aiaas-private-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const modeOf = (path: string) => (statSync(join(directory, path)).mode & 0o7777).toString(8);

describe('a directory of the platform', () => {
  it('is made its owner’s alone, with all that is in it', () => {
    mkdirSync(join(directory, 'data/keys'), { recursive: true });
    writeFileSync(join(directory, 'data/keys/master.key'), 'key');
    writeFileSync(join(directory, 'data/read.db-wal'), '');
    for (const path of ['data', 'data/keys']) chmodSync(join(directory, path), 0o2775);
    for (const path of ['data/keys/master.key', 'data/read.db-wal']) chmodSync(join(directory, path), 0o664);
    expect(makePrivate(join(directory, 'data'))).toEqual([]);
    expect(['data', 'data/keys', 'data/keys/master.key', 'data/read.db-wal'].map(modeOf)).toEqual([
      '700',
      '700',
      '600',
      '600',
    ]);
  });

  it('says nothing of what its links point to', () => {
    mkdirSync(join(directory, 'data'));
    writeFileSync(join(directory, 'elsewhere'), '');
    chmodSync(join(directory, 'elsewhere'), 0o644);
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'data/link'));
    makePrivate(join(directory, 'data'));
    expect(modeOf('elsewhere')).toBe('644');
  });

  it('may be absent, or no directory: whoever opens it says so', () => {
    expect(makePrivate(join(directory, 'none'))).toEqual([]);
    writeFileSync(join(directory, 'file'), '');
    expect(makePrivate(join(directory, 'file'))).toEqual([]);
  });
});
