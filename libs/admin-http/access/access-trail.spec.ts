import { accessCodec } from '#control';
import { startServer, type TestServer } from '../testing/test-server';

let server: TestServer;
let org: string;

beforeAll(async () => {
  server = await startServer();
  const { body } = await server.send('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' });
  org = String(body.id);
});
afterAll(() => server.close());

/** What a piece of work left in the trail. */
async function trailOf(work: () => Promise<unknown>) {
  await server.control.accessRecords.flush();
  const before = await server.store.lastPosition();
  await work();
  await server.control.accessRecords.flush();
  const accesses: object[] = [];
  for await (const stored of server.store.readAll({ after: before })) {
    const event = accessCodec.decode(stored)?.event;
    for (const { firstRequestId, ...access } of event?.data.accesses ?? []) {
      expect(firstRequestId).toMatch(/^req_/);
      accesses.push(access);
    }
  }
  return accesses;
}

const mine = () => ({ tokenId: server.control.authenticateToken(server.token)?.tokenId, source: '127.0.0.0/24' });

describe('the trail of accesses', () => {
  it('knows who read an organization, by whatever name, and who listed them all', async () => {
    const trail = await trailOf(async () => {
      await server.send('GET', '/admin/v1/organizations/acme/budgets');
      await server.send('GET', `/admin/v1/organizations/${org}/budgets?limit=1`);
      await server.send('GET', '/admin/v1/organizations');
      // Nobody's data.
      await server.send('GET', '/admin/v1/backends');
    });
    expect(trail).toEqual([
      { kind: 'read', ...mine(), route: 'GET /admin/v1/organizations/:org/budgets', orgId: org, count: 2 },
      { kind: 'read', ...mine(), route: 'GET /admin/v1/organizations', count: 1 },
    ]);
  });

  it('knows refused commands and reads by their code, and nothing of what was filled in', async () => {
    const canary = 'key_canary';
    const trail = await trailOf(async () => {
      await server.send('POST', `/admin/v1/organizations/${org}/teams`, { name: '' });
      await server.send('PATCH', `/admin/v1/organizations/${org}`, { name: 'A' }, { 'if-match': '"77"' });
      await server.send('GET', `/admin/v1/organizations/${org}/api-keys/${canary}`);
      await server.send('DELETE', `/admin/v1/backends/${canary}`);
    });
    const refused = { kind: 'refused', ...mine(), count: 1 };
    expect(trail).toEqual([
      { ...refused, route: 'POST /admin/v1/organizations/:org/teams', orgId: org, code: 'invalid_name' },
      { ...refused, route: 'PATCH /admin/v1/organizations/:org', orgId: org, code: 'stale' },
      { ...refused, route: 'GET /admin/v1/organizations/:org/api-keys/:id', orgId: org, code: 'key_not_found' },
      { ...refused, route: 'DELETE /admin/v1/backends/:id', code: 'backend_not_found' },
    ]);
    expect(JSON.stringify(trail)).not.toContain(canary);
  });

  it('leaves to the record what is recorded, and to the security trail who was not let in', async () => {
    const trail = await trailOf(async () => {
      await server.send('POST', `/admin/v1/organizations/${org}/teams`, { name: 'core' });
      await server.send('GET', `/admin/v1/organizations/${org}`, undefined, { authorization: 'Bearer nobody' });
      await server.send('GET', '/admin/v1/nothing');
    });
    expect(trail).toEqual([]);
  });

  it('is one row for a flood', async () => {
    const trail = await trailOf(async () => {
      for (let i = 0; i < 50; i += 1) await server.send('GET', `/admin/v1/organizations/${org}`);
    });
    expect(trail).toEqual([
      { kind: 'read', ...mine(), route: 'GET /admin/v1/organizations/:org', orgId: org, count: 50 },
    ]);
  });
});
