import { account, registered } from '#control/testing';
import { startServer, type TestServer } from './testing/test-server';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const PATHS = ['/admin/v1/organizations', '/admin/v1/nothing', '/admin/v1', '/admin/v1/models/a/b/c'];
const BODIES = ['{"name":', '['.repeat(100_000), 'x'.repeat(2_000_000)];
const json = { 'content-type': 'application/json' };

describe('what a stranger sends is not looked at', () => {
  it.each(PATHS)('on %s', async (path) => {
    for (const body of BODIES) {
      const answer = await server.send('POST', path, body, { ...json, authorization: '' });
      expect([answer.status, answer.body.code]).toEqual([401, 'missing_credential']);
      const wrong = await server.send('POST', path, body, { ...json, authorization: 'Bearer aiaas_sys_wrong' });
      expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_token']);
      const foreign = await server.send('POST', path, body, { 'content-type': 'text/plain', authorization: '' });
      expect(foreign.status).toBe(401);
    }
  });

  it('nor what somebody sends who may not do it', async () => {
    const orgId = await registered(server);
    const holder = { ...(await account(server, orgId)), orgId };
    const authorization = `Bearer ${await server.issueToken(holder)}`;
    const answer = await server.send('POST', '/admin/v1/organizations', '{"name":', { ...json, authorization });
    expect([answer.status, answer.body.code]).toEqual([403, 'not_permitted']);
  });

  it('but what the administrator sends is', async () => {
    const answer = await server.send('POST', '/admin/v1/organizations', '{"name":', json);
    expect([answer.status, answer.body.code]).toEqual([400, 'malformed_request']);
    expect((await server.send('POST', '/admin/v1/nothing', {})).status).toBe(404);
  });
});

describe('two credentials that differ', () => {
  it('are refused, and counted', async () => {
    const answer = await server.send('GET', '/admin/v1/organizations', undefined, { 'x-api-key': 'other' });
    expect([answer.status, answer.body.code]).toEqual([400, 'conflicting_credentials']);
  });
});
