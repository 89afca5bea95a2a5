import { startServer, type TestServer } from './testing/test-server';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
  await server.send('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' });
});
afterAll(() => server.close());

describe('a parameter that a route does not know', () => {
  it.each([
    ['GET', '/admin/v1/organizations?slug=acme', '/slug'],
    ['GET', '/admin/v1/organizations/acme?limit=1', '/limit'],
    ['GET', '/admin/v1/organizations/acme/api-keys?status=revoked', '/status'],
    ['GET', '/admin/v1/models?id=a', '/id'],
    ['GET', '/admin/v1/models/a/prices?from=now', '/from'],
    ['GET', '/admin/v1/routing/decisions?model=a', '/model'],
    ['GET', '/admin/v1/system-tokens?limit=1&limit=2', '/limit'],
    ['POST', '/admin/v1/organizations?dryRun=true', '/dryRun'],
    ['POST', '/admin/v1/organizations/acme/close?force=', '/force'],
    ['GET', '/admin/v1/organizations?__proto__=x', '/__proto__'],
  ])('is refused, for it asks for something: %s %s', async (method, path, pointer) => {
    const answer = await server.send(method, path, method === 'POST' ? { name: 'X', slug: 'xyz' } : undefined);
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
      422,
      'invalid_request',
      [{ pointer, message: expect.any(String) }],
    ]);
  });

  it('changes nothing', async () => {
    await server.send('POST', '/admin/v1/organizations/acme/close?force=true', {});
    expect((await server.send('GET', '/admin/v1/organizations/acme')).body.status).toBe('active');
  });

  it('is one of another path', async () => {
    await server.send('POST', '/admin/v1/backends', { name: 'sim', kind: 'simulator' });
    const routes = [{ backend: 'sim', upstreamModel: 'echo' }];
    const prices = { input: '1', output: '1' };
    await server.send('POST', '/admin/v1/models', {
      id: 'm',
      kind: 'chat',
      contextTokens: 10,
      maxOutputTokens: 5,
      routes,
      prices,
    });
    expect((await server.send('GET', '/admin/v1/models/m?limit=1')).status).toBe(422);
    expect((await server.send('GET', '/admin/v1/models/m/prices?limit=1')).status).toBe(200);
  });
});
