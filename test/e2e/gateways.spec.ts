import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlatformProcess, TEST_MODE } from '#testing/platform-process';
import { errorOf, jsonOf, read } from './support/answers';
import { World } from './support/world';

interface Health {
  readonly phase: string;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly message?: string }>>;
}

async function health(url: string): Promise<{ readonly status: number } & Health> {
  const answer = await read(await fetch(`${url}/health/ready`));
  return { ...jsonOf<Health>(answer), status: answer.status };
}

async function untilReadyIs(url: string, status: number): Promise<Health> {
  for (;;) {
    const seen = await health(url);
    if (seen.status === status) return seen;
    await sleep(50);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

if (TEST_MODE === 'embedded') {
  describe('a record on disk, which has one writer and cannot be away (see lifecycle.spec; gateways are tested by npm run test:distributed)', () => {
    it('is refused to a gateway in one sentence, and so are its settings', async () => {
      const dataDir = join(tmpdir(), 'aiaas-never-made');
      for (const [environment, named] of [
        [{ AIAAS_MODE: 'distributed' }, 'npm run start:gateway'],
        [{ AIAAS_EVENTSTOREDB_URL: 'esdb://u:geheim@h' }, 'AIAAS_EVENTSTOREDB_URL'],
      ] as const) {
        const { code, stderr } = await PlatformProcess.startInVain({ dataDir, environment });
        expect([code, stderr.trim().split('\n')]).toEqual([78, [expect.stringContaining(named)]]);
        expect(stderr).not.toContain('geheim');
      }
    });
  });
} else {
  describe('gateways that start at once on an empty record', () => {
    it('make one first run together, and serve the same key', async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'aiaas-data-'));
      const [first, second] = await Promise.all([
        PlatformProcess.start({ dataDir }),
        PlatformProcess.start({ beside: { dataDir } }),
      ]);
      const types = (await first.allEvents()).map(({ type }) => type);
      const count = (wanted: string) => types.filter((type) => type === wanted).length;
      expect(['SystemTokenIssued', 'OrganizationRegistered', 'ApiKeyIssued', 'BudgetDefined'].map(count)).toEqual([
        1, 1, 1, 1,
      ]);
      const { apiKey } = first.firstRun;
      for (const { url } of [first, second]) {
        const headers = { authorization: `Bearer ${apiKey}` };
        expect((await fetch(`${url}/v1/models`, { headers })).status).toBe(200);
      }
      await second.remove();
      await first.remove();
    });
  });

  describe('a gateway that is set up with other keys than the record’s', () => {
    it('ends with 78 and one sentence, on another shared directory, with another master key, with both', async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'aiaas-data-'));
      const first = await PlatformProcess.start({ dataDir });
      const own = join(dataDir, 'own');
      const elsewhere = { AIAAS_DATA: own, AIAAS_SHARED_DATA: join(dataDir, 'elsewhere') };
      for (const [environment, named] of [
        [elsewhere, 'The key store in '],
        [{ AIAAS_DATA: own, AIAAS_MASTER_KEY: 'ef'.repeat(32) }, 'master key'],
        [
          { ...elsewhere, AIAAS_SHARED_DATA: join(dataDir, 'other'), AIAAS_MASTER_KEY: 'ef'.repeat(32) },
          'The master key and the key store',
        ],
      ] as const) {
        const { code, stderr } = await PlatformProcess.startInVain({ dataDir, environment });
        expect([code, stderr.trim().split('\n')]).toEqual([78, [expect.stringContaining(named)]]);
        expect(stderr).not.toContain('ef'.repeat(32));
      }
      const types = (await first.allEvents()).map(({ type }) => type);
      expect(types.filter((type) => type === 'InstallationFounded')).toHaveLength(1);
      expect(types).not.toContain('KeysReplaced');
      await first.remove();
    });

    it('changes the master key together with the others, one after the other', async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'aiaas-data-'));
      const [old, next] = ['cd'.repeat(32), 'ab'.repeat(32)];
      const first = await PlatformProcess.start({ dataDir, environment: { AIAAS_MASTER_KEY: old } });
      await first.kill('SIGTERM');
      const rotated = { AIAAS_MASTER_KEY: next, AIAAS_MASTER_KEY_PREVIOUS: old };
      const again = await PlatformProcess.start({ dataDir, environment: rotated });
      const second = await PlatformProcess.start({ beside: { dataDir }, environment: rotated });
      const third = await PlatformProcess.start({ beside: { dataDir }, environment: { AIAAS_MASTER_KEY: next } });
      const late = await PlatformProcess.startInVain({
        dataDir,
        environment: { AIAAS_DATA: join(dataDir, 'late'), AIAAS_MASTER_KEY: old },
      });
      expect([late.code, late.stderr]).toEqual([78, expect.stringContaining('master key')]);
      const types = (await again.allEvents()).map(({ type }) => type);
      expect(types.filter((type) => type === 'KeysReplaced')).toHaveLength(1);
      for (const gateway of [third, second, again]) await gateway.remove();
    });
  });

  describe('a record that is not there', () => {
    it('is waited for: nothing of its password is told, nobody is admitted, and SIGTERM ends it at once', async () => {
      const port = await freePort();
      const environment = {
        AIAAS_PORT: String(port),
        AIAAS_EVENTSTOREDB_URL: 'esdb://gateway:geheim@127.0.0.1:9?tls=false',
      };
      const dataDir = mkdtempSync(join(tmpdir(), 'aiaas-data-'));
      const waiting = await PlatformProcess.startWaiting({ dataDir, environment });
      const line = await waiting.logged('line about waiting', ({ message }) => message === 'waiting for the record');
      expect(line).toMatchObject({ level: 'warn', waitingFor: 'EventStoreDB at 127.0.0.1:9' });

      const url = `http://127.0.0.1:${port}`;
      expect(await untilReadyIs(url, 503)).toMatchObject({
        phase: 'starting',
        checks: { eventStore: { status: 'fail', message: expect.stringContaining('EventStoreDB at 127.0.0.1:9') } },
      });
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
      expect(await waiting.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(waiting.output).not.toContain('geheim');
      await waiting.remove();
    });
  });

  describe('a record that goes away while it is served', () => {
    let world: World;
    beforeAll(async () => {
      world = await World.open();
    });
    afterAll(() => world.close());

    it('admits nobody meanwhile and says why; once it is back everything goes on, and nothing is lost', async () => {
      const [tenant, model] = [await world.tenant(), await world.model()];
      expect((await tenant.chat(model)).status).toBe(200);
      const bringBack = await world.platform.takeRecordAway();
      const { checks } = await untilReadyIs(world.platform.url, 503);
      expect(Object.values(checks).some(({ status }) => status === 'fail')).toBe(true);
      const refused = await tenant.chat(model);
      expect(refused.status).toBe(503);
      expect(errorOf(refused).code).toMatch(/not_ready|ledger_unavailable/);

      await bringBack();
      await untilReadyIs(world.platform.url, 200);
      expect((await tenant.chat(model)).status).toBe(200);
      await world.platform.ledgerUntil(tenant.orgId, ({ holds }) => holds.size === 0);
      expect((await tenant.money()).settled).toBe(32_000n);
    });
  });
}
