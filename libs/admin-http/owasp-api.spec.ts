import { account, issued } from '#control/testing';
import type { OrganizationId } from '#kernel';
import { ACCESS_TABLE } from './access/access-table';
import { type Answer, startServer, type TestServer } from './testing/test-server';

/** Risks of the OWASP API Security Top 10 (2023) that the command plane answers for, on every route that it has. */

interface Tenant {
  readonly org: OrganizationId;
  /** One of each kind of thing that paths name by id. */
  readonly ids: Readonly<Record<string, string>>;
}

let server: TestServer;
let mine: Tenant;
let foreign: Tenant;
const keys: string[] = [];
let member: string;

async function idOf(method: string, path: string, body: object): Promise<string> {
  const { status, body: made } = await server.send(method, path, body);
  expect([path, status]).toEqual([path, 201]);
  return String(made.id);
}

async function tenant(slug: string): Promise<Tenant> {
  const org = (await idOf('POST', '/admin/v1/organizations', { name: slug, slug })) as OrganizationId;
  const path = `/admin/v1/organizations/${org}`;
  const projects = await idOf('POST', `${path}/projects`, { name: 'p' });
  const budget = { name: 'b', scope: { type: 'organization' }, unit: 'cost', period: 'total', mode: 'block' };
  return {
    org,
    ids: {
      projects,
      teams: await idOf('POST', `${path}/teams`, { name: 't' }),
      'service-accounts': await idOf('POST', `${path}/service-accounts`, { name: 'sa', roles: ['admin'] }),
      'api-keys': await idOf('POST', `${path}/api-keys`, { name: 'k', projectId: projects }),
      budgets: await idOf('POST', `${path}/budgets`, { ...budget, limit: '1' }),
      // Of no call that anybody made.
      calls: 'req_01k00000000000000000000000',
    },
  };
}

beforeAll(async () => {
  server = await startServer();
  [mine, foreign] = [await tenant('mine'), await tenant('foreign')];
  for (const scopes of [
    ['inference'],
    ['usage:read'],
    ['analytics:read'],
    ['inference', 'usage:read', 'analytics:read'],
  ])
    keys.push((await issued(server, { scopes })).secret);
  const holder = await account(server, mine.org, 'automation');
  member = await server.issueToken({ ...holder, orgId: mine.org });
});
afterAll(() => server.close());

const ROUTES = Object.keys(ACCESS_TABLE);

function pathOf(route: string, org: string, ids: Tenant['ids']): readonly [method: string, path: string] {
  const [method = '', path = ''] = route.split(' ');
  const kind = /:org\/([a-z-]+)\//.exec(path)?.[1] ?? '';
  return [
    method,
    path
      .replace(':org', org)
      .replace(/:(?:id|requestId)/, ids[kind] ?? 'bkd_01k00000000000000000000000')
      .replace('*', 'echo'),
  ];
}

/** Bodies that each command would take. */
const BODIES: Readonly<Record<string, object>> = {
  'PATCH projects': { name: 'taken' },
  'PATCH teams': { name: 'taken' },
  'PATCH service-accounts': { name: 'taken' },
  'PATCH api-keys': { scopes: ['usage:read'] },
  'POST api-keys': { reason: 'taken', graceSeconds: 0 },
  'PUT api-keys': { concurrency: 1 },
  'PATCH budgets': { name: 'taken' },
  'POST calls': { cost: '0', reason: 'taken' },
};

function bodyOf(route: string): object | undefined {
  const [method = '', path = ''] = route.split(' ');
  if (method === 'GET' || method === 'DELETE') return undefined;
  if (path.endsWith('/revoke')) return { reason: 'taken' };
  if (path.endsWith('/rotate')) return { graceSeconds: 0 };
  return BODIES[`${method} ${/:org\/([a-z-]+)/.exec(path)?.[1] ?? ''}`] ?? {};
}

function send(
  route: string,
  org: string,
  ids: Tenant['ids'],
  headers?: Readonly<Record<string, string>>,
): Promise<Answer> {
  const [method, path] = pathOf(route, org, ids);
  return server.send(method, path, bodyOf(route), headers);
}

/** How many events there are, but for the trails of accesses and refusals, which are written when their time has come. */
async function recorded(): Promise<number> {
  let events = 0;
  for await (const { stream } of server.store.readAll()) if (!/^(?:access|security)-/.test(stream)) events += 1;
  return events;
}

describe('API1:2023, broken object level authorization', () => {
  it.each(ROUTES.filter((route) => /:org\/.*:(?:id|requestId)/.test(route)))(
    'an id of another organization is not there, and nothing happens: %s',
    async (route) => {
      const before = await recorded();
      const { status, body } = await send(route, mine.org, foreign.ids);
      expect([status, body.code]).toEqual([404, expect.stringMatching(/_not_found$/)]);
      // The same as of an id that nobody has.
      const nobodys = Object.fromEntries(
        Object.entries(foreign.ids).map(([kind, id]) => [kind, id.replace(/..$/, '00')]),
      );
      const unknown = await send(route, mine.org, nobodys);
      const withoutIds = (detail: unknown) => String(detail).replace(/[a-z]+_[0-9a-z]{26}/g, '…');
      expect([unknown.status, unknown.body.code, withoutIds(unknown.body.detail)]).toEqual([
        status,
        body.code,
        withoutIds(body.detail),
      ]);
      expect(await recorded()).toBe(before);
    },
  );
});

describe('API2:2023 and API5:2023, broken authentication and function level authorization', () => {
  it.each(ROUTES)('neither a stranger, nor a key of any scope, nor another’s token may: %s', async (route) => {
    const before = await recorded();
    for (const authorization of [
      '',
      'Bearer',
      'Basic YTpi',
      `Bearer ${'x'.repeat(80)}`,
      ...keys.map((key) => `Bearer ${key}`),
    ])
      expect([authorization.slice(0, 16), (await send(route, mine.org, mine.ids, { authorization })).status]).toEqual([
        authorization.slice(0, 16),
        401,
      ]);
    const { status, body } = await send(route, mine.org, mine.ids, { authorization: `Bearer ${member}` });
    expect([status, body.code]).toEqual([403, 'not_permitted']);
    expect(await recorded()).toBe(before);
  });
});

describe('API3:2023, broken object property level authorization', () => {
  it.each([
    'id',
    'organizationId',
    'status',
    'secret',
    'secretHash',
    'fingerprint',
    'createdAt',
    '__proto__',
    'constructor',
  ])('what is not a client’s to say is refused, not ignored: %s', async (field) => {
    const before = await recorded();
    const path = `/admin/v1/organizations/${mine.org}`;
    const body = `{"name":"x","projectId":"${mine.ids.projects}","${field}":"y"}`;
    for (const [method, to] of [
      ['POST', `${path}/api-keys`],
      ['PATCH', `${path}/api-keys/${mine.ids['api-keys']}`],
      ['POST', `${path}/teams`],
      ['PATCH', path],
    ] as const) {
      const { status } = await server.send(method, to, body);
      expect([method, to, [400, 422].includes(status)]).toEqual([method, to, true]);
    }
    expect(await recorded()).toBe(before);
  });

  it('no answer shows a hash of a secret, nor a secret but the one that was just made', async () => {
    for (const route of ROUTES.filter((one) => one.startsWith('GET '))) {
      const { text } = await send(route, mine.org, mine.ids);
      expect(text).not.toMatch(/secretHash|"secret"|[0-9a-f]{64}|aiaas_(?:live|test|sys|pat)_[0-9a-z]{26}_/);
    }
  });
});
