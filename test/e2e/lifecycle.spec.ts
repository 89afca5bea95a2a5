import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlatformProcess, TEST_MODE } from '#testing/platform-process';
import { errorOf, framesOf, lastFrameError } from './support/answers';
import { chatBody } from './support/tenant';
import { World } from './support/world';

function pathsIn(directory: string): readonly string[] {
  return [
    directory,
    ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
  ];
}

/** Exit code of trouble that a person can mend (EX_CONFIG). */
const CONFIGURATION = 78;

describe('first start', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  it('writes secrets for its owner alone, and prints none of them', () => {
    const { platform } = world;
    const { firstRun } = platform;
    expect(statSync(platform.firstRunFile).mode & 0o777).toBe(0o600);
    expect(firstRun).toEqual({
      url: platform.url,
      systemToken: expect.stringMatching(/^aiaas_sys_/),
      organizationId: expect.stringMatching(/^org_/),
      projectId: expect.stringMatching(/^prj_/),
      apiKeyId: expect.stringMatching(/^key_/),
      apiKey: expect.stringMatching(/^aiaas_live_/),
    });
    expect(platform.output).toContain(`curl ${platform.url}/v1/chat/completions`);
    for (const secret of [firstRun.apiKey, firstRun.systemToken]) expect(platform.output).not.toContain(secret);
  });

  it("makes a demo whose key calls a model that answers with the user's words", async () => {
    const { apiKey } = world.platform.firstRun;
    const response = await fetch(`${world.platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('Hello');
  });

  it('warns at every start while the file with the secrets is there', async () => {
    const warns = () =>
      world.platform.logged('warning', (line) => line.level === 'warn' && /first-run\.json$/.test(String(line.file)));
    await warns();
    await world.platform.restart('SIGTERM');
    await warns();
  });

  it('keeps everything to its user, also what was open to others before', async () => {
    const { platform } = world;
    const directories = new Set([platform.dataDir, platform.sharedDir]);
    for (const directory of directories)
      for (const path of pathsIn(directory)) chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
    await platform.restart('SIGTERM');
    const open = [...directories].flatMap((directory) =>
      pathsIn(directory).filter(
        (path) => (statSync(path).mode & 0o777) !== (statSync(path).isDirectory() ? 0o700 : 0o600),
      ),
    );
    expect(open).toEqual([]);
    expect(pathsIn(platform.dataDir).some((path) => /-(?:wal|shm)$/.test(path))).toBe(true);
  });

  if (TEST_MODE === 'distributed')
    it('shares its record: a second gateway beside it serves the same keys (alone on disk, it would be refused)', async () => {
      const { platform } = world;
      const second = await PlatformProcess.start({ beside: platform });
      const response = await fetch(`${second.url}/v1/models`, {
        headers: { authorization: `Bearer ${platform.firstRun.apiKey}` },
      });
      expect(response.status).toBe(200);
      await second.remove();
    });
  else
    it('takes a directory for itself: a second process says so in one sentence (gateways share theirs)', async () => {
      const second = await PlatformProcess.startInVain({ dataDir: world.platform.dataDir });
      expect(second.code).toBe(CONFIGURATION);
      expect(second.stderr).toMatch(/^[^\n]+in use[^\n]+\n$/);
      expect(second.stderr).toContain(world.platform.dataDir);
    });
});

describe('wrong settings', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'aiaas-settings-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function refusal(environment: Readonly<Record<string, string>>, dataDir = join(directory, 'data')) {
    const { code, stderr } = await PlatformProcess.startInVain({ dataDir, environment });
    expect(stderr).not.toMatch(/^\s+at /m);
    return { code, stderr };
  }

  it.each([
    ['a port that is none', { AIAAS_PORT: 'eighty' }, 'AIAAS_PORT'],
    ['a setting that there is not', { AIAAS_PROT: '80' }, 'AIAAS_PROT'],
    ['a master key of the wrong length', { AIAAS_MASTER_KEY: 'abc' }, 'AIAAS_MASTER_KEY'],
    ['a proxy that is no address', { AIAAS_TRUSTED_PROXIES: 'proxy' }, 'AIAAS_TRUSTED_PROXIES'],
    ['a configuration file that is not there', { AIAAS_CONFIG: '/nowhere/aiaas.yaml' }, '/nowhere/aiaas.yaml'],
  ])('%s', async (_what, environment, named) => {
    const { code, stderr } = await refusal(environment);
    expect([code, stderr]).toEqual([CONFIGURATION, expect.stringContaining(named)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('another master key than the one that the data is encrypted under', async () => {
    const dataDir = join(directory, 'keyed');
    const first = await PlatformProcess.start({ dataDir });
    await first.kill('SIGTERM');
    const { code, stderr } = await refusal({ AIAAS_MASTER_KEY: 'ab'.repeat(32) }, dataDir);
    expect(code).toBe(CONFIGURATION);
    expect(stderr).toMatch(/master key/i);
  });

  it('keys that are not those of the record, unless an operator says that its own are lost', async () => {
    const dataDir = join(directory, 'other-keys');
    const first = await PlatformProcess.start({ dataDir });
    expect(await first.kill('SIGTERM')).toMatchObject({ code: 0 });
    const keyStore = join(first.sharedDir, 'key-store');
    renameSync(keyStore, `${keyStore}-lost`);
    const { code, stderr } = await refusal({}, dataDir);
    expect([code, stderr]).toEqual([CONFIGURATION, expect.stringContaining(keyStore)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    const [, id = ''] = /AIAAS_ACCEPT_KEY_STORE=([0-9a-f-]{36})/.exec(stderr) ?? [];
    const again = await PlatformProcess.start({ dataDir, environment: { AIAAS_ACCEPT_KEY_STORE: id } });
    const types = (await again.allEvents()).map(({ type }) => type);
    expect(types.filter((type) => type === 'InstallationFounded' || type === 'KeysReplaced')).toEqual([
      'InstallationFounded',
      'KeysReplaced',
    ]);
    await again.remove();
  });

  it('a directory that cannot be written', async () => {
    const dataDir = join(directory, 'file');
    writeFileSync(dataDir, 'not a directory');
    const { code, stderr } = await refusal({}, join(dataDir, 'data'));
    expect([code, stderr]).toEqual([CONFIGURATION, expect.stringContaining(dataDir)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('a directory without permission, where permissions count', async () => {
    if (process.getuid?.() === 0) return;
    const dataDir = join(directory, 'closed');
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o500);
    const { code } = await refusal({}, dataDir);
    expect(code).toBe(CONFIGURATION);
  });
});

describe('SIGTERM', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world.close());

  it('admits nothing more, lets running calls end, and loses nothing', async () => {
    const [tenant, model] = [await world.tenant(), await world.model({ chunks: 4, pauseAfter: 2 })];
    const body = JSON.stringify(chatBody(model, { stream: true, user: 'marker-drain' }));
    const streaming = await tenant.fetch('/chat/completions', { method: 'POST', body });
    world.platform.signal('SIGTERM');
    await world.platform.logged('line about draining', (line) => line.message === 'draining' && line.activeCalls === 1);

    const late = await tenant.chat(model);
    expect([late.status, errorOf(late).code, late.headers.get('x-should-retry')]).toEqual([503, 'not_ready', 'true']);
    expect((await fetch(`${world.platform.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${world.platform.url}/health/live`)).status).toBe(200);

    world.upstream.resume();
    const text = await streaming.text();
    expect(framesOf({ text }).at(-1)).toBe('[DONE]');
    expect(await world.platform.exited).toEqual({ code: 0, signal: null });
    const requestId = streaming.headers.get('x-request-id') ?? '';
    const types = (await world.platform.callEvents(tenant.orgId, requestId)).map(({ type }) => type);
    expect(types).toEqual(['InferenceAuthorized', 'InferenceCompleted']);

    await world.platform.start();
    expect((await tenant.chat(await world.model())).status).toBe(200);
    expect(await tenant.money()).toEqual({ settled: 34_000n, held: 0n, unresolved: 0n });
  });

  it('cuts what does not end in time, tells its clients so, and writes down that it was its own doing', async () => {
    const hasty = await World.open({ environment: { AIAAS_DRAIN_SECONDS: '0' } });
    const tenant = await hasty.tenant();
    const [silent, talking] = [await hasty.model({ pauseAfter: 0 }), await hasty.model({ chunks: 4, pauseAfter: 2 })];
    const body = JSON.stringify(chatBody(talking, { stream: true }));
    const streaming = await tenant.fetch('/chat/completions', { method: 'POST', body });
    const cut = tenant.chat(silent, { user: 'marker-cut' });
    await hasty.upstream.callWith('marker-cut');
    expect(await hasty.platform.kill('SIGTERM')).toEqual({ code: 0, signal: null });

    const answer = await cut;
    expect([answer.status, errorOf(answer).code, answer.headers.get('x-should-retry')]).toEqual([
      503,
      'platform_stopped',
      'false',
    ]);
    const text = await streaming.text();
    expect(lastFrameError({ text }).code).toBe('platform_stopped');
    expect(text).not.toContain('[DONE]');

    const ended = async (requestId: string) => (await hasty.platform.callEvents(tenant.orgId, requestId)).at(-1);
    expect(await ended(answer.requestId)).toMatchObject({
      type: 'InferenceUnresolved',
      data: { reason: 'platform-stopped' },
    });
    expect(await ended(streaming.headers.get('x-request-id') ?? '')).toMatchObject({
      type: 'InferenceCompleted',
      data: { outcome: 'interrupted', reason: 'platform-stopped' },
    });
    await hasty.platform.start();
    const { unresolved, held, settled } = await tenant.money();
    expect([held, unresolved > 0n, settled > 0n]).toEqual([0n, true, true]);
    await hasty.close();
  });

  it('does not wait for a client that has sent half a request', async () => {
    const hasty = await World.open({ environment: { AIAAS_DRAIN_SECONDS: '1' } });
    const { hostname, port } = new URL(hasty.platform.url);
    const socket = connect(Number(port), hostname);
    const hungUp = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    const headers = [
      'Host: x',
      `Authorization: Bearer ${hasty.platform.firstRun.apiKey}`,
      'Content-Type: application/json',
      'Content-Length: 9',
      'Expect: 100-continue',
    ];
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n{`);
    // The server has begun with it.
    await once(socket, 'data');
    expect(await hasty.platform.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await hungUp;
    await hasty.close();
  });
});
