import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigurationOf } from '#configuration';
import { decrypt, encryptFor } from '#key-store';
import { OtherMasterKeyError } from '#key-store/lmdb';
import { openEmbeddedEngines } from './embedded-engines';

const first = Buffer.alloc(32, 1).toString('base64');
const second = Buffer.alloc(32, 2).toString('hex');

describe('rotating the master key', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'aiaas-rotation-'));
  const open = (environment: NodeJS.ProcessEnv) =>
    openEmbeddedEngines(readConfigurationOf('embedded', { AIAAS_DATA: dataDir, ...environment }), environment);
  afterAll(() => rmSync(dataDir, { recursive: true }));

  it('wraps every data key anew, once, and then wants the new key alone', async () => {
    const before = await open({ AIAAS_MASTER_KEY: first });
    const block = await encryptFor(before.keyStore, 'subject', 'a secret', 'place');
    await before.close();

    await expect(open({ AIAAS_MASTER_KEY: second })).rejects.toThrow(OtherMasterKeyError);

    const rotated = await open({ AIAAS_MASTER_KEY: second, AIAAS_MASTER_KEY_PREVIOUS: first });
    await rotated.close();
    const after = await open({ AIAAS_MASTER_KEY: second });
    expect(Buffer.from(await decrypt(after.keyStore, block, 'place')).toString()).toBe('a secret');
    await after.close();
    await expect(open({ AIAAS_MASTER_KEY: first })).rejects.toThrow(OtherMasterKeyError);
  });
});
