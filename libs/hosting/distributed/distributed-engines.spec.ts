import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigurationOf } from '#configuration';
import { openDistributedEngines } from './distributed-engines';

describe("a gateway's data directory", () => {
  const root = mkdtempSync(join(tmpdir(), 'aiaas-distributed-'));
  const open = (dataDir: string) => {
    const environment = {
      AIAAS_MODE: 'distributed',
      // Nothing is asked of it while engines are opened.
      AIAAS_EVENTSTOREDB_URL: 'esdb://127.0.0.1:1?tls=false',
      AIAAS_SHARED_DATA: join(root, 'shared'),
      AIAAS_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
      AIAAS_DATA: dataDir,
    };
    return openDistributedEngines(readConfigurationOf('distributed', environment), environment);
  };
  afterAll(() => rmSync(root, { recursive: true }));

  it('is its own: a second gateway that is given the same one says so, until the first has ended', async () => {
    const dataDir = join(root, 'gateway-1');
    const first = await open(dataDir);
    const beside = await open(join(root, 'gateway-2'));
    const sentence = `AIAAS_DATA cannot be used: the data of a gateway in ${dataDir} is in use by another process; stop that one first, or give this one a directory of its own.`;
    await expect(open(dataDir)).rejects.toMatchObject({ name: 'ConfigurationError', message: sentence });
    await first.close();
    await (await open(dataDir)).close();
    await beside.close();
  });

  it('that is none is told in one sentence', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(open(file)).rejects.toMatchObject({
      name: 'ConfigurationError',
      message: `AIAAS_DATA cannot be used: ${file} is not a directory.`,
    });
  });
});
