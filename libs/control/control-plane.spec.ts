import { newSystemTokenSecret, organizationStream, SECRET_RANDOM_BYTES, systemTokenStream } from '#identity';
import { type ApiKeyId, epochMs, type ModelId, nanoUsd, type ServiceAccountId } from '#kernel';
import {
  acceptedOf,
  issued,
  me,
  project,
  recordOf,
  registered,
  startPlatform,
  type TestMachine,
  type TestPlatform,
  testMachine,
} from './testing';

const open: TestPlatform[] = [];
async function start(machine: TestMachine = testMachine(), appends?: number): Promise<TestPlatform> {
  const platform = await startPlatform(machine, appends);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

describe('keys', () => {
  it('tell whose a call is', async () => {
    const platform = await start();
    const { orgId, projectId, keyId, secret } = await issued(platform, { models: ['echo'] });
    expect(platform.control.authenticateKey(secret, '203.0.113.9')).toEqual({
      ok: true,
      key: {
        keyId,
        orgId,
        projectId,
        scopes: ['inference'],
        models: ['echo'],
        environment: 'live',
        allowsStoredAnswers: true,
      },
    });
  });

  it('are refused for what is wrong with them, and a foreign, an unknown and a wrong key alike', async () => {
    const platform = await start();
    const { control, clock } = platform;
    const { orgId, keyId, secret } = await issued(platform, {
      allowedIps: ['203.0.113.0/24'],
      expiresAt: epochMs(clock.now() + 1_000),
    });
    const code = (text: string, address = '203.0.113.9') => {
      const verdict = control.authenticateKey(text, address);
      return verdict.ok ? 'ok' : verdict.code;
    };
    const elsewhere = await start();
    const { secret: unknown } = await issued(elsewhere);
    const rotated = await control.apiKeys.rotate(me(platform), orgId, keyId, 0);
    expect(code(rotated.secret ?? '')).toBe('ok');
    expect(code(secret)).toBe('key_expired');
    expect(code(unknown)).toBe('invalid_api_key');
    expect(code(`${secret.slice(0, -1)}!`)).toBe('invalid_api_key');
    expect(code('sk-foreign')).toBe('invalid_api_key');
    expect(code(rotated.secret ?? '', '198.51.100.1')).toBe('ip_not_allowed');
    clock.advance(1_000);
    expect(code(rotated.secret ?? '')).toBe('key_expired');
    await control.apiKeys.revoke(me(platform), orgId, keyId, 'leaked');
    expect(code(rotated.secret ?? '')).toBe('key_revoked');
  });

  it('follow what the organization says about kept answers', async () => {
    const platform = await start();
    const { orgId, secret } = await issued(platform);
    const forbid = { type: 'SetAnswersStorage', answersStorage: 'forbidden' } as const;
    await platform.control.organizations.change(me(platform), orgId, forbid);
    expect(platform.control.authenticateKey(secret, '::1')).toMatchObject({ key: { allowsStoredAnswers: false } });
  });

  it('are authenticated in a few microseconds', async () => {
    const platform = await start();
    const { secret } = await issued(platform, { allowedIps: ['203.0.113.0/24'] });
    for (let i = 0; i < 5_000; i += 1) platform.control.authenticateKey(secret, '203.0.113.9');
    const begun = process.cpuUsage();
    for (let i = 0; i < 20_000; i += 1) platform.control.authenticateKey(secret, '203.0.113.9');
    const microseconds = process.cpuUsage(begun).user / 20_000;
    // CPU time, and a generous bound: other work on the machine must not fail the test, a slow algorithm must.
    expect(microseconds).toBeLessThan(100);
  });
});

describe('slugs', () => {
  it('resolve to their organization, and are refused to another', async () => {
    const platform = await start();
    const orgId = await registered(platform);
    expect(platform.control.findOrganization(orgId)?.id).toBe(orgId);
    const second = await platform.control.organizations.register(me(platform), { name: 'Other', slug: 'acme' });
    expect(second).toMatchObject({ kind: 'refused', refusal: { code: 'slug_taken' } });
  });

  it('are taken over from a registration that crashed, once its time is over', async () => {
    const machine = testMachine();
    const killed = await start(machine, 1);
    await expect(killed.control.organizations.register(me(killed), { name: 'A', slug: 'acme' })).rejects.toThrow();
    const again = await start(machine);
    const early = await again.control.organizations.register(me(again), { name: 'B', slug: 'acme' });
    expect(early).toMatchObject({ kind: 'refused', refusal: { code: 'slug_reserved' } });
    expect(again.control.findOrganization('acme')).toBeUndefined();
    machine.clock.advance(5 * 60_000);
    expect(
      acceptedOf(await again.control.organizations.register(me(again), { name: 'B', slug: 'acme' })),
    ).toMatchObject({ organization: { name: 'B' } });
  });
});

describe('several writers', () => {
  it('decide again when another one was first', async () => {
    const machine = testMachine();
    const [one, two] = [await start(machine), await start(machine)];
    const orgId = await registered(one);
    await two.control.waitFor(await machine.store.lastPosition(), 1_000);
    const create = (platform: TestPlatform, name: string) => project(platform, orgId, name);
    await Promise.all([create(one, 'a'), create(two, 'b'), create(one, 'c'), create(two, 'd')]);
    await one.control.waitFor(await machine.store.lastPosition(), 1_000);
    expect(one.control.findOrganization('acme')?.organization.projects.size).toBe(4);
  });

  it('learn of a revocation from the record', async () => {
    const machine = testMachine();
    const [one, two] = [await start(machine), await start(machine)];
    const { orgId, keyId, secret } = await issued(one);
    await one.control.apiKeys.revoke(me(one), orgId, keyId, 'leaked');
    expect(await two.control.waitFor(await machine.store.lastPosition(), 1_000)).toBe(true);
    expect(two.control.authenticateKey(secret, '::1')).toEqual({ ok: false, code: 'key_revoked', keyId });
    expect(await two.control.waitFor(1_000_000n, 5)).toBe(false);
  });
});

describe('tokens', () => {
  it('speak for their holder while they and the holder live', async () => {
    const platform = await start();
    const { control } = platform;
    const orgId = await registered(platform);
    const context = me(platform);
    const account = context.identifiers.id('sa') as ServiceAccountId;
    await control.organizations.change(context, orgId, {
      type: 'CreateServiceAccount',
      serviceAccountId: account,
      name: 'ci',
      roles: ['developer'],
    });
    const issue = async (holder: Parameters<typeof newSystemTokenSecret>[0]) => {
      const tokenId = context.identifiers.id('tok');
      const { secret, ...made } = newSystemTokenSecret(
        holder,
        tokenId,
        context.identifiers.random(SECRET_RANDOM_BYTES),
      );
      const command = { type: 'IssueSystemToken', at: context.at, tokenId, holder, name: 't', ...made } as const;
      await control.records.systemTokens.execute(systemTokenStream(tokenId), command, { actor: context.actor });
      return { tokenId, secret };
    };
    const admin = await issue({ type: 'system', id: 'administrator' });
    const ci = await issue({ type: 'service-account', orgId, id: account });
    expect(control.authenticateToken(admin.secret)).toEqual({
      type: 'system',
      id: 'administrator',
      tokenId: admin.tokenId,
    });
    expect(control.authenticateToken(ci.secret)).toEqual({
      type: 'service-account',
      id: account,
      orgId,
      tokenId: ci.tokenId,
    });
    expect(control.authenticateToken(admin.secret.replace('_sys_', '_pat_'))).toBeUndefined();
    expect(control.authenticateToken('Bearer nonsense')).toBeUndefined();
    await control.organizations.change(context, orgId, { type: 'DisableServiceAccount', serviceAccountId: account });
    expect(control.authenticateToken(ci.secret)).toBeUndefined();
    const revoke = { type: 'RevokeSystemToken', reason: 'gone' } as const;
    await control.records.systemTokens.execute(systemTokenStream(admin.tokenId), revoke, { actor: context.actor });
    expect(control.authenticateToken(admin.secret)).toBeUndefined();
  });
});

describe('the catalogue', () => {
  const price = { input: nanoUsd(1_000_000n), output: nanoUsd(2_000_000n) };

  async function withModels(platform: TestPlatform) {
    const { control, clock } = platform;
    const context = me(platform);
    const { backendId } = await control.catalogueCommands.registerBackend(context, 'simulator', {
      name: 'simulator',
      apiKey: 'canary-credential',
    });
    const register = async (id: string, visibility: 'all' | 'granted', priced: boolean) => {
      const routes = [{ backendId, upstreamModel: id }];
      const model = { kind: 'chat', visibility, routes, contextTokens: 100, maxOutputTokens: 10 } as const;
      acceptedOf(await control.catalogueCommands.change(context, { type: 'RegisterModel', id, ...model }));
      const prices = { type: 'SetPrices', at: clock.now(), modelId: id as ModelId, prices: price } as const;
      if (priced) acceptedOf(await control.catalogueCommands.change(context, prices));
    };
    await register('open', 'all', true);
    await register('secret', 'granted', true);
    await register('unpriced', 'all', false);
    return backendId;
  }

  it('says which models a key may call', async () => {
    const platform = await start();
    const { control, clock } = platform;
    await withModels(platform);
    const orgId = await registered(platform);
    const caller = { orgId };
    const find = (id: string, models?: ModelId[]) => {
      const found = control.findCallableModel({ ...caller, ...(models && { models }) }, id as ModelId, clock.now());
      return found.ok ? found.prices.input : found.code;
    };
    expect(find('open')).toBe(1_000_000n);
    expect(find('secret')).toBe('model_not_found');
    expect(find('secret', ['open' as ModelId])).toBe('model_not_found');
    expect(find('open', ['secret' as ModelId])).toBe('model_not_allowed');
    expect(find('unpriced')).toBe('model_not_priced');
    expect(find('none')).toBe('model_not_found');
    await control.organizations.change(me(platform), orgId, { type: 'SetGrantedModels', models: ['secret'] });
    expect(find('secret')).toBe(1_000_000n);
    expect(control.callableModels({ ...caller, keyId: 'key_1' as ApiKeyId }, clock.now()).map(({ id }) => id)).toEqual([
      'open',
      'secret',
    ]);
  });

  it('keeps credentials sealed in the record and opens them for the backend', async () => {
    const platform = await start();
    const { control } = platform;
    const seen: number[] = [];
    control.onCatalogueChange(({ backends }) => seen.push(backends.size));
    const backendId = await withModels(platform);
    const backend = control.backend(backendId);
    expect(seen.at(-1)).toBe(1);
    expect(await control.credentialOf(backend ?? {})).toBe('canary-credential');
    const record = (await recordOf(platform)).map(({ body }) => Buffer.from(body).toString()).join('\n');
    expect(record).not.toContain('canary-credential');
    const before = (await recordOf(platform)).length;
    await control.catalogueCommands.changeBackend(me(platform), backendId, { apiKey: 'canary-credential' });
    expect(await recordOf(platform)).toHaveLength(before);
    await control.catalogueCommands.changeBackend(me(platform), backendId, { apiKey: null });
    expect(await control.credentialOf(control.backend(backendId) ?? {})).toBeUndefined();
  });

  it('says so when the key of a credential is gone', async () => {
    const platform = await start();
    const { control, keyStore } = platform;
    const backend = control.backend(await withModels(platform));
    await keyStore.erase(backend?.credential?.subject ?? '');
    await expect(control.credentialOf(backend ?? {})).rejects.toThrow('is gone');
  });
});

it('knows after a restart what it knew before', async () => {
  const machine = testMachine();
  const first = await start(machine);
  const { orgId, secret } = await issued(first);
  const again = await start(machine);
  expect(again.control.authenticateKey(secret, '::1')).toEqual(first.control.authenticateKey(secret, '::1'));
  expect(again.control.organizationIds()).toEqual([orgId]);
  expect(again.control.records.organizations.find(organizationStream(orgId))).toEqual(
    first.control.records.organizations.find(organizationStream(orgId)),
  );
});
