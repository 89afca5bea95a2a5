import { exchange, head, posting } from '#testing/raw-http';
import { Siege } from './support/siege';

/** A path is the same one for the router, for whoever guards it, and for the shape of its errors. */
describe('paths that are written differently', () => {
  let siege: Siege;

  beforeAll(async () => {
    siege = await Siege.open();
  });
  afterAll(() => siege.close());

  const writings = (path: string): readonly string[] => [
    path,
    `http://elsewhere.example${path}`,
    `HTTPS://user@elsewhere.example:8443${path}`,
    `/${path}`,
    path.replace('1/', '1//'),
    path.replace('v1', '%76%31'),
    path.replace(/[a-z](?=[a-z]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    `/docs/..${path}`,
    `/docs/%2e%2E${path}`,
    path.replace('/v1', '/./v1'),
    `${path}#/../../admin/v1/organizations`,
  ];

  it.each([
    ['/v1/models', 401, '"code":"missing_api_key"'],
    ['/v1/nothing', 401, '"code":"missing_api_key"'],
    ['/v1/messages', 401, '"type":"authentication_error"'],
    ['/admin/v1/organizations', 401, '"code":"missing_credential"'],
    ['/analytics/v1/usage', 401, '"status":401'],
    ['/nowhere/v1/x', 404, '"code":"not_found"'],
  ])('of a stranger on %s get what the path gets', async (path, status, text) => {
    for (const target of writings(path)) {
      const answer = await exchange(siege.url, head(`GET ${target}`));
      expect([target, answer.status, answer.body]).toEqual([target, status, expect.stringContaining(text)]);
    }
  });

  it('of somebody who may are answered', async () => {
    for (const target of writings('/v1/models')) {
      const answer = await exchange(siege.url, head(`GET ${target}`, siege.key));
      expect([target, answer.status, answer.body]).toEqual([target, 200, expect.stringContaining(siege.model)]);
    }
  });

  it('run calls as the path does, and guard commands as the path does', async () => {
    const body = JSON.stringify({ model: siege.model, messages: [{ role: 'user', content: 'x' }] });
    for (const target of writings('/v1/chat/completions'))
      expect((await exchange(siege.url, posting(target, body, siege.key))).status).toBe(200);
    for (const target of writings('/admin/v1/organizations'))
      expect((await exchange(siege.url, posting(target, '{}', siege.key))).status).toBe(401);
  });

  it('an address that a proxy adds behind a thousand headers is the one that counts', async () => {
    const behind = await Siege.open({ AIAAS_TRUSTED_PROXIES: '127.0.0.1' });
    const { admin } = behind.world.platform;
    const { orgId, projectId } = behind.attacker;
    const key = await admin.createKey(orgId, projectId, { allowedIps: ['10.9.8.0/24'] });
    const forged = Array.from({ length: 1_200 }, (_, index) => [`a${index.toString(36)}`, '']);
    const headers = {
      'X-Forwarded-For': '10.9.8.7',
      Authorization: `Bearer ${key.secret}`,
      ...Object.fromEntries(forged),
      'x-forwarded-for': '192.0.2.1',
    };
    const answer = await exchange(behind.url, head('GET /v1/models', headers));
    expect(answer.body).toContain('"ip_not_allowed"');
    await behind.close();
  });
});
