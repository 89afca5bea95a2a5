import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMasterKey, MasterKeyError, previousMasterKey } from './master-key';

const key = randomBytes(32);
let data = '';
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'master-key-'));
});
afterEach(() => rmSync(data, { recursive: true }));

function fileOf(content: string): string {
  const path = join(data, 'given.key');
  writeFileSync(path, content);
  return path;
}

describe('the master key', () => {
  it.each(['base64', 'hex'] as const)('comes from AIAAS_MASTER_KEY in %s', (encoding) => {
    const loaded = loadMasterKey({ AIAAS_MASTER_KEY: key.toString(encoding) }, data);
    expect(loaded).toEqual({ key, source: 'AIAAS_MASTER_KEY' });
    expect(readdirSync(data)).toEqual([]);
  });

  it.each(['base64', 'hex'] as const)('comes from AIAAS_MASTER_KEY_FILE in %s', (encoding) => {
    const path = fileOf(`${key.toString(encoding)}\n`);
    expect(loadMasterKey({ AIAAS_MASTER_KEY: '', AIAAS_MASTER_KEY_FILE: path }, data)).toEqual({ key, source: path });
  });

  it('until now comes from AIAAS_MASTER_KEY_PREVIOUS, whose mistakes bear its own name', () => {
    expect(previousMasterKey({ AIAAS_MASTER_KEY_PREVIOUS: key.toString('hex') })).toEqual(key);
    expect(previousMasterKey({ AIAAS_MASTER_KEY_PREVIOUS: '' })).toBeUndefined();
    expect(() => previousMasterKey({ AIAAS_MASTER_KEY_PREVIOUS: 'short' })).toThrow(
      /^AIAAS_MASTER_KEY_PREVIOUS must hold 32 bytes/,
    );
  });

  it('is made on the first start, for its owner only, and found on the next', () => {
    const first = loadMasterKey({}, data);
    const path = join(data, 'keys', 'master.key');

    expect(first.source).toBe(path);
    expect(first.key).toHaveLength(32);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, 'keys')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(data, 'keys'))).toEqual(['master.key']);
    expect(loadMasterKey({}, data)).toEqual(first);
    expect(Buffer.from(readFileSync(path, 'utf8'), 'base64').equals(first.key)).toBe(true);
  });

  it.each(['', 'short', 'z'.repeat(64), `${randomBytes(31).toString('base64')}`, randomBytes(33).toString('hex')])(
    'refuses %j, and does not repeat it',
    (text) => {
      const load = () => loadMasterKey({ AIAAS_MASTER_KEY_FILE: fileOf(text) }, data);
      expect(load).toThrow(MasterKeyError);
      expect(load).toThrow(/must hold 32 bytes in base64 \(44 characters\) or hex \(64 characters\), but has \d+ char/);
      if (text !== '') expect(load).not.toThrow(text);
    },
  );

  it('refuses what is contradictory, missing or open to others', () => {
    const both = { AIAAS_MASTER_KEY: key.toString('hex'), AIAAS_MASTER_KEY_FILE: '/a/file' };
    expect(() => loadMasterKey(both, data)).toThrow(
      'AIAAS_MASTER_KEY and AIAAS_MASTER_KEY_FILE are both set; keep one of them',
    );
    expect(() => loadMasterKey({ AIAAS_MASTER_KEY_FILE: join(data, 'missing') }, data)).toThrow(
      /^the master key file .*missing \(AIAAS_MASTER_KEY_FILE\) cannot be read: ENOENT/,
    );
    const { source } = loadMasterKey({}, data);
    chmodSync(source, 0o644);
    expect(() => loadMasterKey({}, data)).toThrow(`the master key ${source} can be read by others; run: chmod 600`);
  });

  it('refuses a data directory in which none can be made', () => {
    const file = fileOf('no directory');
    expect(() => loadMasterKey({}, file)).toThrow(/can be neither read nor made: .*; make its directory writable/);
  });
});
