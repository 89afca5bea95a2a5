import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelId } from '#kernel';
import { usd } from '#kernel';
import { DEMO_MODELS, type FirstRun, type FirstRunFile, firstRun } from './first-run';
import { firstRunFile } from './first-run-file';
import { recordOf, startPlatform, type TestMachine, type TestPlatform, testMachine, typesOf } from './testing';

class MemoryFile implements FirstRunFile {
  plan: FirstRun | undefined;
  async read() {
    return this.plan;
  }
  async write(plan: FirstRun) {
    this.plan = plan;
  }
}

const open: TestPlatform[] = [];
async function start(machine: TestMachine, appends?: number) {
  const platform = await startPlatform(machine, appends);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

const url = 'http://127.0.0.1:8080';

async function expectReady({ control, ledger, clock }: TestPlatform, plan: FirstRun | undefined) {
  expect(control.authenticateToken(plan?.systemToken ?? '')).toMatchObject({ type: 'system', id: 'administrator' });
  const verdict = control.authenticateKey(plan?.apiKey ?? '', '127.0.0.1');
  expect(verdict).toMatchObject({
    ok: true,
    key: { keyId: plan?.apiKeyId, orgId: plan?.organizationId, projectId: plan?.projectId, models: [...DEMO_MODELS] },
  });
  if (!verdict.ok) return;
  for (const id of DEMO_MODELS)
    expect(control.findCallableModel(verdict.key, id as string as ModelId, clock.now()).ok).toBe(true);
  const { budgets, keyLimits } = await ledger.read(verdict.key.orgId);
  expect([...budgets.values()].map(({ definition }) => [definition.limit, definition.period])).toEqual([
    [usd('100'), 'monthly'],
  ]);
  expect(keyLimits.get(verdict.key.keyId)?.concurrency).toBe(1_000);
}

describe('the first run', () => {
  it('makes an administrator, and an organization to try out', async () => {
    const platform = await start(testMachine());
    const file = new MemoryFile();
    await expectReady(platform, await firstRun({ control: platform.control, file, url, demo: true }));
    expect(file.plan?.url).toBe(url);
  });

  it('happens once', async () => {
    const machine = testMachine();
    const platform = await start(machine);
    const file = new MemoryFile();
    const options = { control: platform.control, file, url, demo: true };
    await firstRun(options);
    const [record, plan] = [await recordOf(machine), file.plan];
    file.plan = undefined;
    expect(await firstRun(options)).toBeUndefined();
    expect(await firstRun({ ...options, control: (await start(machine)).control })).toBeUndefined();
    expect(await recordOf(machine)).toEqual(record);
    expect(plan).toBeDefined();
  });

  it('makes an administrator alone where there is to be no demo', async () => {
    const machine = testMachine();
    const platform = await start(machine);
    const file = new MemoryFile();
    await firstRun({ control: platform.control, file, url, demo: false });
    expect(Object.keys(file.plan ?? {})).toEqual(['url', 'systemToken']);
    expect(await typesOf(machine)).toEqual(['SystemTokenIssued']);
  });

  it('goes on after a crash between any two steps, with what the file says', async () => {
    const whole = testMachine();
    await firstRun({ control: (await start(whole)).control, file: new MemoryFile(), url, demo: true });
    const steps = await typesOf(whole);
    for (let appends = 0; appends < steps.length; appends += 1) {
      const machine = testMachine();
      const file = new MemoryFile();
      const killed = await start(machine, appends);
      await expect(firstRun({ control: killed.control, file, url, demo: true })).rejects.toThrow();
      const planned = file.plan;
      const again = await start(machine);
      await expectReady(again, await firstRun({ control: again.control, file, url, demo: true }));
      expect(file.plan).toEqual(planned);
      expect(await typesOf(machine)).toEqual(steps);
    }
  });

  it('goes on with what is recorded when the file was lost in between', async () => {
    const machine = testMachine();
    const killed = await start(machine, 10);
    await expect(firstRun({ control: killed.control, file: new MemoryFile(), url, demo: true })).rejects.toThrow();
    const again = await start(machine);
    await expectReady(again, await firstRun({ control: again.control, file: new MemoryFile(), url, demo: true }));
  });

  it('leaves no secret in the record', async () => {
    const machine = testMachine();
    const file = new MemoryFile();
    await firstRun({ control: (await start(machine)).control, file, url, demo: true });
    const record = (await recordOf(machine)).map(({ body }) => Buffer.from(body).toString()).join();
    expect(record).not.toContain(file.plan?.apiKey);
    expect(record).not.toContain(file.plan?.systemToken);
  });
});

describe('first-run.json', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'first-run-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is readable by its owner alone, and replaced as a whole', async () => {
    const path = join(directory, 'data', 'first-run.json');
    const file = firstRunFile(path);
    expect(await file.read()).toBeUndefined();
    await file.write({ url, systemToken: 'one' });
    await writeFile(`${path}.next`, 'a rest', { mode: 0o644 });
    await file.write({ url, systemToken: 'two' });
    expect(await file.read()).toEqual({ url, systemToken: 'two' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'data'))).toEqual(['first-run.json']);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url, systemToken: 'two' });
  });

  it('that is damaged is no plan', async () => {
    const path = join(directory, 'first-run.json');
    await writeFile(path, '{"url": 1');
    expect(await firstRunFile(path).read()).toBeUndefined();
  });
});
