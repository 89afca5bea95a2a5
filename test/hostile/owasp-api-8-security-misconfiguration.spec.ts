import { eventually, exchange, head, posting, type RawAnswer } from '#testing/raw-http';
import { securityFailuresOf } from './support/security-trail';
import { bearer, Siege } from './support/siege';

const METRICS_TOKEN = 'a-token-of-the-metrics';

const PROTECTED = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
};

/** OWASP API Security Top 10 (2023), item 8: what is served, with which headers, and to whom, is as an operator expects. */
describe('security misconfiguration', () => {
  let siege: Siege;
  let operationsUrl: string;

  beforeAll(async () => {
    siege = await Siege.open({ AIAAS_OPERATIONS_PORT: '0', AIAAS_METRICS_TOKEN: METRICS_TOKEN });
    const ready = await siege.world.platform.logged('ready', ({ message }) => message === 'ready');
    operationsUrl = String(ready.operationsUrl);
  });
  afterAll(() => siege.close());

  const ask = (request: string, url = siege.url) => exchange(url, request);

  function headersOf({ headers }: RawAnswer) {
    return Object.fromEntries(headers);
  }

  it.each([
    ['a page', () => head('GET /docs')],
    ['a document', () => head('GET /openapi.json')],
    ['health', () => head('GET /health/ready')],
    ['an answer of a model', () => siege.call(siege.model)],
    ['a stream', () => siege.call(siege.model, { stream: true })],
    ['a refusal', () => head('GET /v1/models')],
    ['a command', () => head('GET /admin/v1/organizations', bearer(siege.world.platform.firstRun.systemToken))],
    ['a report', () => head('GET /analytics/v1/views', bearer(siege.world.platform.firstRun.systemToken))],
    ['nothing', () => head('GET /nowhere')],
    ['a path that is none', () => head('GET /admin/v1/%zz')],
    ['what is no request', () => 'NONSENSE\r\n\r\n'],
  ])('%s says that browsers may not guess, run, frame or tell', async (_, request) => {
    expect(headersOf(await ask(request()))).toMatchObject(PROTECTED);
  });

  it('whatever shows a secret, or comes to a credential, is kept by no cache', async () => {
    const { firstRun } = siege.world.platform;
    const { orgId, projectId } = siege.attacker;
    const token = { ...bearer(firstRun.systemToken), 'Idempotency-Key': 'one' };
    const issue = posting(`/admin/v1/organizations/${orgId}/api-keys`, JSON.stringify({ name: 'k', projectId }), token);
    const [issued, again] = [await ask(issue), await ask(issue)];
    expect([issued.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true']);
    const answers = [
      issued,
      again,
      await ask(posting('/admin/v1/system-tokens', JSON.stringify({ name: 't' }), bearer(firstRun.systemToken))),
      await ask(head('GET /admin/v1/organizations', bearer(firstRun.systemToken))),
      await ask(head('GET /v1/models', siege.key)),
      await ask(siege.call(siege.model)),
    ];
    for (const answer of answers) expect(answer.headers.get('cache-control')).toBe('no-store');
    const stream = await ask(siege.call(siege.model, { stream: true }));
    expect(stream.headers.get('cache-control')).toMatch(/^no-store\b/);
  });

  it.each([
    '/docs-yaml',
    '/docs-json',
    '/docs/../package.json',
    '/docs/%2e%2e/package.json',
    '/docs/swagger-ui-bundle.js.map',
  ])('%s is not served', async (path) => {
    expect((await ask(head(`GET ${path}`))).status).toBe(404);
  });

  it.each(['TRACE', 'OPTIONS', 'PUT', 'PROPFIND'])('%s is no way in', async (method) => {
    for (const path of ['/v1/models', '/admin/v1/organizations', '/docs'])
      expect((await ask(head(`${method} ${path}`))).status).toBeGreaterThanOrEqual(400);
  });

  it('no answer says what it runs on', async () => {
    for (const request of [head('GET /docs'), head('GET /v1/models'), head('GET /nowhere'), 'NONSENSE\r\n\r\n']) {
      const { headers } = await ask(request);
      expect([headers.get('server'), headers.get('x-powered-by')]).toEqual([undefined, undefined]);
    }
  });

  describe('what is for operations', () => {
    it('is on its own port, the metrics there alone and with their token', async () => {
      expect((await ask(head('GET /metrics'))).status).toBe(404);
      expect((await ask(head('GET /metrics'), operationsUrl)).status).toBe(401);
      expect((await ask(head('GET /metrics', bearer('another-token-here')), operationsUrl)).status).toBe(401);
      const metrics = await ask(head('GET /metrics', bearer(METRICS_TOKEN)), operationsUrl);
      expect([metrics.status, headersOf(metrics)]).toEqual([200, expect.objectContaining(PROTECTED)]);
    });

    it('has nothing else', async () => {
      for (const path of ['/v1/models', '/admin/v1/organizations', '/analytics/v1/views', '/'])
        expect((await ask(head(`GET ${path}`, siege.key), operationsUrl)).status).toBe(404);
      expect((await ask(head('GET /health/ready'), operationsUrl)).status).toBe(200);
      expect((await ask(head('GET /health/ready'))).status).toBe(200);
    });
  });

  describe('two credentials that differ', () => {
    const lines = (...credentials: string[]) => `Host: x\r\n${credentials.join('\r\n')}\r\n\r\n`;
    const PATHS = [
      '/v1/models',
      '/v1/messages',
      '/v1/nothing',
      '/admin/v1/organizations',
      '/admin/v1/nothing',
      '/analytics/v1/views',
    ];

    it.each(PATHS)('are refused on %s, in whatever order and form', async (path) => {
      const [key, token] = [siege.attacker.key.secret, siege.world.platform.firstRun.systemToken];
      const pairs = [
        [`Authorization: Bearer ${key}`, `Authorization: Bearer ${token}`],
        [`authorization: Bearer ${token}`, `AUTHORIZATION: Bearer ${key}`],
        [`Authorization: Bearer ${token}`, `X-API-Key: ${key}`],
        [`x-api-key: ${key}`, `Authorization: Bearer ${token}`],
        [`X-API-Key: ${key}`, 'X-API-Key: other'],
        [`Authorization: Basic ${token}`, `X-API-Key: ${key}`],
      ];
      for (const pair of pairs) {
        const answer = await ask(`GET ${path} HTTP/1.1\r\n${lines(...pair)}`);
        expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('conflicting_credentials')]);
      }
    });

    it('are none where they are the same', async () => {
      const { systemToken } = siege.world.platform.firstRun;
      const same = lines(
        `Authorization: Bearer ${systemToken}`,
        `X-API-Key: ${systemToken}`,
        `Authorization: Bearer ${systemToken}`,
      );
      expect((await ask(`GET /admin/v1/organizations HTTP/1.1\r\n${same}`)).status).toBe(200);
    });
  });

  it('the security trail says who was refused what, by id and never by secret', async () => {
    const { attacker, neighbour, world } = siege;
    const { id: weakId, secret: weak } = await world.platform.admin.createKey(attacker.orgId, attacker.projectId, {
      scopes: ['analytics:read'],
    });
    const { requestId: foreign } = await neighbour.chat(siege.model);
    await eventually(
      async () => (await ask(head(`GET /v1/calls/${foreign}`, bearer(neighbour.key.secret)))).status,
      (status) => status === 200,
    );
    await ask(siege.call(siege.model).replace(attacker.key.secret, weak));
    await ask(head(`GET /v1/calls/${foreign}`, bearer(weak)));
    await ask(head(`GET /analytics/v1/organizations/${neighbour.orgId}/usage`, bearer(weak)));
    await ask(head('GET /v1/models'));
    await ask(head('GET /v1/models', { ...bearer(weak), 'X-API-Key': 'other' }));
    const failures = await securityFailuresOf(world.platform);
    const source = '127.0.0.0/24';
    expect(failures).toEqual(
      expect.arrayContaining([
        { source, reason: 'insufficient_scope', count: 1, keyId: weakId },
        { source, reason: 'foreign_id', count: 2, keyId: weakId },
        expect.objectContaining({ source, reason: 'missing_credential' }),
        expect.objectContaining({ source, reason: 'differing_credentials' }),
      ]),
    );
    expect(JSON.stringify(failures)).not.toContain(weak);
  });
});
