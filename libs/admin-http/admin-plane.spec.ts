import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { recordOf, type TestMachine, testMachine, typesOf } from '#control/testing';
import { type CallId, epochMs, type ModelId, usd } from '#kernel';
import { startServer, type TestServer } from './testing/test-server';

let server: TestServer;
const machine = testMachine();
const restarted: TestServer[] = [];
let orgId = '';
let projectId = '';

beforeAll(async () => {
  server = await startServer(machine);
  orgId = await idOf('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' });
  projectId = await idOf('POST', `/admin/v1/organizations/${orgId}/projects`, { name: 'Website' });
});
afterAll(async () => {
  for (const one of restarted) await one.close();
  await server.close();
});

async function idOf(method: string, path: string, body: object): Promise<string> {
  const answer = await server.send(method, path, body);
  if (answer.status !== 201) throw new Error(answer.text);
  return String(answer.body.id);
}

const org = (rest = '') => `/admin/v1/organizations/${orgId}${rest}`;
const recorded = async () => (await recordOf(machine)).length;

describe('Idempotency-Key', () => {
  const issue = (key: string, name = 'ci', to: TestServer = server) =>
    to.send('POST', org('/api-keys'), { name, projectId }, { 'idempotency-key': key });

  it('gets the same answer, the secret too, and makes one key', async () => {
    const first = await issue('issue-1');
    const before = await recorded();
    const second = await issue('issue-1');
    expect([first.status, second.status, second.text]).toEqual([201, 201, first.text]);
    expect([second.headers.etag, second.headers['x-event-position']]).toEqual([
      first.headers.etag,
      first.headers['x-event-position'],
    ]);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(await recorded()).toBe(before);
    expect(server.control.authenticateKey(String(first.body.secret), '::1').ok).toBe(true);
  });

  it('is refused with another body, and nothing is recorded', async () => {
    await issue('issue-2');
    const before = await recorded();
    const other = await issue('issue-2', 'other');
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await recorded()).toBe(before);
  });

  it.each(['', ' ', 'ü', 'x'.repeat(201)])('that is malformed is refused: %j', async (key) => {
    expect((await issue(key)).status).toBe(400);
  });

  it('answers for every command, whatever it makes', async () => {
    const key = await idOf('POST', org('/api-keys'), { name: 'to rotate', projectId });
    const budget = { name: 'B', scope: { type: 'organization' }, unit: 'requests', period: 'daily', mode: 'warn' };
    const commands = [
      ['POST', '/admin/v1/organizations', { name: 'Once', slug: 'once' }],
      ['POST', org('/teams'), { name: 'Once' }],
      ['POST', org('/budgets'), { ...budget, limit: '7' }],
      ['PUT', org('/limits'), { concurrency: 7 }],
      ['PATCH', org(), { description: 'Once.' }],
      ['POST', org(`/api-keys/${key}/rotate`), { graceSeconds: 0 }],
      ['POST', org(`/api-keys/${key}/revoke`), { reason: 'over' }],
      ['POST', '/admin/v1/backends', { name: 'once', kind: 'simulator', apiKey: 'canary' }],
    ] as const;
    for (const [index, [method, path, body]] of commands.entries()) {
      const headers = { 'idempotency-key': `all-${index}` };
      const first = await server.send(method, path, body, headers);
      const before = await recorded();
      const second = await server.send(method, path, body, headers);
      expect([path, first.status < 300, second.status, second.text]).toEqual([path, true, first.status, first.text]);
      expect(await recorded()).toBe(before);
    }
  });

  it('finds what was made when the process was killed before it answered', async () => {
    // The claim and the key are recorded, the answer is not, and the client never gets one.
    const killed = await startServer(machine, 3);
    restarted.push(killed);
    const lost = await issue('issue-3', 'lost', killed);
    expect(lost.status).toBe(201);
    expect((await typesOf(machine)).at(-1)).toBe('ApiKeyIssued');
    const again = await startServer(machine);
    restarted.push(again);
    const answer = await again.send(
      'POST',
      org('/api-keys'),
      { name: 'lost', projectId },
      { 'idempotency-key': 'issue-3', authorization: `Bearer ${killed.token}` },
    );
    expect([answer.status, answer.body.secret]).toEqual([201, lost.body.secret]);
    expect((await typesOf(machine)).at(-1)).toBe('CommandAnswered');
  });
});

describe('If-Match', () => {
  it('lets the first of two editors pass, and tells the second', async () => {
    const { headers } = await server.send('GET', org());
    const change = (name: string) => server.send('PATCH', org(), { name }, { 'if-match': String(headers.etag) });
    expect((await change('First')).status).toBe(200);
    expect(await change('Second')).toMatchObject({ status: 412, body: { code: 'stale' } });
    const any = await server.send('PATCH', org(), { name: 'Third' }, { 'if-match': '*' });
    const weak = await server.send('PATCH', org(), { name: 'X' }, { 'if-match': `W/${any.headers.etag}` });
    const list = await server.send('PATCH', org(), { name: 'Fourth' }, { 'if-match': `"77", ${any.headers.etag}` });
    const malformed = await server.send('PATCH', org(), { name: 'X' }, { 'if-match': 'seven' });
    expect([any.status, weak.status, list.status, malformed.status]).toEqual([200, 412, 200, 412]);
  });

  it('guards budgets, whose version is their definition', async () => {
    const body = {
      name: 'M',
      scope: { type: 'organization' },
      unit: 'tokens',
      period: 'total',
      mode: 'notify',
      limit: '5',
    };
    const { headers, body: made } = await server.send('POST', org('/budgets'), body);
    const path = org(`/budgets/${made.id}`);
    const edits = ['6', '7'].map((limit) =>
      server.send('PATCH', path, { limit }, { 'if-match': String(headers.etag) }),
    );
    expect((await Promise.all(edits)).map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  it('is no obstacle for a repeat of the command that changed the version', async () => {
    const { headers } = await server.send('GET', org());
    const change = () =>
      server.send(
        'PATCH',
        org(),
        { name: 'Repeated' },
        { 'if-match': String(headers.etag), 'idempotency-key': 'if-1' },
      );
    expect([(await change()).status, (await change()).status]).toEqual([200, 200]);
  });
});

describe('what is there already', () => {
  it('conflicts by name: 409', async () => {
    const before = await recorded();
    const taken = await server.send('POST', org('/projects'), { name: 'WEBSITE' });
    const slug = await server.send('POST', '/admin/v1/organizations', { name: 'Other', slug: 'acme' });
    expect([taken.status, taken.body.code, slug.status, slug.body.code]).toEqual([
      409,
      'name_taken',
      409,
      'slug_taken',
    ]);
    expect(await recorded()).toBe(before);
  });

  it('of another organization is not there: 404', async () => {
    const other = await idOf('POST', '/admin/v1/organizations', { name: 'Other', slug: 'other' });
    const key = await idOf('POST', org('/api-keys'), { name: 'mine', projectId });
    const before = await recorded();
    const path = `/admin/v1/organizations/${other}`;
    const scope = { type: 'project', id: projectId };
    const budget = { name: 'x', scope, unit: 'cost', period: 'total', mode: 'block', limit: '1' };
    const attempts = await Promise.all([
      server.send('GET', `${path}/api-keys/${key}`),
      server.send('POST', `${path}/api-keys/${key}/revoke`, { reason: 'x' }),
      server.send('POST', `${path}/api-keys`, { name: 'x', projectId }),
      server.send('POST', `${path}/budgets`, budget),
      server.send('GET', '/admin/v1/organizations/me'),
    ]);
    expect(attempts.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(await recorded()).toBe(before);
  });
});

describe('a suspended organization', () => {
  it('takes no command but those that end it or take away: 403', async () => {
    const id = await idOf('POST', '/admin/v1/organizations', { name: 'Late', slug: 'late' });
    const path = `/admin/v1/organizations/${id}`;
    const project = await server.send('POST', `${path}/projects`, { name: 'p' });
    const key = await server.send('POST', `${path}/api-keys`, { name: 'k', projectId: project.body.id });
    await server.send('POST', `${path}/suspend`, { reason: 'unpaid' });
    const another = await server.send('POST', `${path}/projects`, { name: 'x' });
    expect([another.status, another.body.code]).toEqual([403, 'organization_suspended']);
    const issued = await server.send('POST', `${path}/api-keys`, { name: 'x', projectId: project.body.id });
    expect([issued.status, issued.body.code]).toEqual([403, 'organization_suspended']);
    const changed = await server.send('PATCH', `${path}/api-keys/${key.body.id}`, { scopes: ['usage:read'] });
    expect([changed.status, changed.body.code]).toEqual([403, 'organization_suspended']);
    const shown = await server.send('GET', `${path}/api-keys/${key.body.id}`);
    expect(shown.body).toMatchObject({ status: 'suspended', reason: 'organization_suspended' });
    const revoked = await server.send('POST', `${path}/api-keys/${key.body.id}/revoke`, { reason: 'over' });
    expect([revoked.status, revoked.body.status]).toEqual([200, 'revoked']);
  });
});

describe('lists', () => {
  it('come in pages that stay where they are', async () => {
    const id = await idOf('POST', '/admin/v1/organizations', { name: 'Paged', slug: 'paged' });
    const path = `/admin/v1/organizations/${id}/teams`;
    for (const name of ['a', 'b', 'c']) {
      machine.clock.advance(1);
      await idOf('POST', path, { name });
    }
    const first = await server.send('GET', `${path}?limit=2`);
    const second = await server.send('GET', `${path}?limit=2&after=${first.body.next}`);
    const names = [first, second].map(({ body }) => (body.data as { name: string }[]).map(({ name }) => name));
    expect(names).toEqual([['a', 'b'], ['c']]);
    expect(second.body.next).toBeNull();
  });

  it.each(['limit=0', 'limit=many', 'limit=201', 'limit=1&limit=2', 'atLeast=x'])('refuse %s', async (query) => {
    expect((await server.send('GET', `${org('/teams')}?${query}`)).status).toBe(422);
  });
});

describe('atLeast', () => {
  it('waits for a command of another process', async () => {
    const other = await startServer(machine);
    restarted.push(other);
    const { headers } = await server.send('PATCH', org(), { name: 'Seen elsewhere' });
    const read = await other.send('GET', `${org()}?atLeast=${headers['x-event-position']}`);
    expect([read.status, read.body.name]).toEqual([200, 'Seen elsewhere']);
  });

  it('is not waited for longer than two seconds', async () => {
    const { status, body, headers } = await server.send('GET', `${org()}?atLeast=99999999`);
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'position_not_reached', '1']);
  });
});

describe('access', () => {
  it('is denied to whom the table does not name: 403', async () => {
    const account = await idOf('POST', org('/service-accounts'), { name: 'ci', roles: ['admin'] });
    const token = await server.issueToken({ type: 'service-account', orgId: orgId as never, id: account as never });
    const before = await recorded();
    const answer = await server.send('PATCH', org(), { name: 'X' }, { authorization: `Bearer ${token}` });
    expect([answer.status, answer.body.code]).toEqual([403, 'not_permitted']);
    expect(await recorded()).toBe(before);
  });

  it('needs a token and says so to who sends an API key', async () => {
    const key = await server.send('POST', org('/api-keys'), { name: 'not a token', projectId });
    const answer = await server.send('GET', org(), undefined, { authorization: `Bearer ${key.body.secret}` });
    expect([answer.status, answer.body.detail]).toEqual([401, expect.stringContaining('API key')]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="aiaas", error="invalid_token"');
  });
});

describe('requests', () => {
  it('are named by the platform; the client’s own name is echoed and recorded', async () => {
    const answer = await server.send('PATCH', org(), { name: 'Traced' }, { 'x-request-id': 'mine-1' });
    expect(answer.headers).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_/),
      'x-client-request-id': 'mine-1',
    });
    const last = (await recordOf(machine)).at(-1);
    const body = JSON.parse(Buffer.from(last?.body ?? []).toString());
    expect(body).toMatchObject({
      request: answer.headers['x-request-id'],
      correlation: 'mine-1',
      actor: { type: 'system', id: 'administrator' },
      token: server.control.authenticateToken(server.token)?.tokenId,
    });
  });

  it('name their token in every event that they cause, in ledgers and streams of keys too', async () => {
    const { position } = { position: await machine.store.lastPosition() };
    const headers = { 'idempotency-key': 'who' };
    const key = await server.send('POST', org('/api-keys'), { name: 'whose', projectId }, headers);
    await server.send('POST', org(`/api-keys/${key.body.id}/revoke`), { reason: 'over' });
    const caused = (await recordOf(machine)).filter((stored) => stored.position > position);
    expect(caused.map(({ type }) => type)).toEqual([
      'CommandKeyClaimed',
      'ApiKeyIssued',
      'CommandAnswered',
      'SubjectBarred',
      'ApiKeyRevoked',
    ]);
    const tokens = caused.map(({ body }) => JSON.parse(Buffer.from(body).toString()).token);
    const { tokenId } = server.control.authenticateToken(server.token) ?? {};
    expect(new Set(tokens)).toEqual(new Set([tokenId]));
  });

  it('leave no secret that was pasted where it does not belong: not in answers, not in the record', async () => {
    const { secret } = { secret: server.token.replace('_sys_', '_live_') };
    const pasted = { 'x-request-id': secret };
    const answers = [
      await server.send('GET', org(`/api-keys/${secret}`), undefined, pasted),
      await server.send('POST', org('/teams'), { name: `team of ${secret}` }, pasted),
      await server.send('POST', '/admin/v1/models', { id: secret, kind: 'chat', contextTokens: 1, routes: [] }, pasted),
      await server.send('GET', `/admin/v1/models/${secret}`, undefined, pasted),
      await server.send('GET', org(`?atLeast=${secret}`), undefined, pasted),
      await server.send('PATCH', org(), { [secret]: 1, website: secret }, pasted),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 201, 422, 404, 422, 422]);
    for (const { headers } of answers) expect(headers['x-client-request-id']).toBe('aiaas_live_[redacted]');
    expect(answers.map(({ text }) => text).join()).not.toContain(secret.slice(-36));
    const record = (await recordOf(machine)).map(({ body }) => Buffer.from(body).toString()).join();
    expect(record).not.toContain(secret.slice(-36));
    expect(record).toContain('team of aiaas_live_[redacted]');
  });

  it.each([
    ['GET', '/admin/v1/nothing', undefined, {}, 404],
    ['GET', '/elsewhere', undefined, {}, 404],
    ['GET', '/%zz', undefined, {}, 400],
    ['GET', `/admin/v1/models/${'m'.repeat(257)}`, undefined, {}, 404],
    ['GET', '/admin/v1/models/%FF', undefined, {}, 400],
    ['POST', '/admin/v1/models/x', {}, {}, 404],
    ['POST', '/admin/v1/organizations', '{"__proto__": {"a": 1}}', {}, 400],
    ['POST', '/admin/v1/organizations', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['POST', '/admin/v1/organizations', 'name', { 'content-type': 'text/plain' }, 415],
    ['POST', '/admin/v1/organizations', `"${'x'.repeat(2_000_000)}"`, {}, 413],
    ['POST', '/admin/v1/organizations', '{"name": "\\ud800", "slug": "lone"}', {}, 422],
    ['POST', '/admin/v1/organizations', '{"name": "\\ud800", "slug": "lone"}', { 'idempotency-key': 'k' }, 422],
    ['POST', '/admin/v1/organizations', { name: 'x'.repeat(100_000), slug: 'long' }, {}, 422],
  ])('that are wrong are answered in one shape: %s %s %#', async (method, path, body, headers, status) => {
    const before = await recorded();
    const answer = await server.send(method, path, body, headers);
    expect([answer.status, answer.headers['content-type']]).toEqual([
      status,
      'application/problem+json; charset=utf-8',
    ]);
    expect(answer.headers['x-request-id']).toBe(answer.body.requestId);
    expect(await recorded()).toBe(before);
  });

  it('are told when the record cannot be written: 503', async () => {
    const dead = await startServer(machine, 1);
    restarted.push(dead);
    const answer = await dead.send('PATCH', org(), { name: 'Never' });
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'record_unavailable', '1']);
    const barred = await dead.send('POST', org('/suspend'), { reason: 'never' });
    expect(barred.status).toBe(503);
    expect(dead.unexpected).toEqual([]);
  });
});

it('resolves a call whose cost nobody knows', async () => {
  const call = await unresolvedCall(machine);
  const resolve = () => server.send('POST', org(`/calls/${call}/resolve`), { cost: '0.00015', reason: 'as invoiced' });
  const first = await resolve();
  expect([first.status, first.body]).toEqual([
    200,
    {
      id: call,
      status: 'resolved',
      source: 'operator',
      cost: '0.00015',
      charged: '0.00015',
      excess: '0',
      tokens: '20',
      reason: 'as invoiced',
    },
  ]);
  const before = await recorded();
  expect(await resolve()).toMatchObject({ status: 200, body: first.body });
  expect(await recorded()).toBe(before);
});

describe('a resolve with another cost', () => {
  const resolve = (call: CallId, cost: string, headers = {}) =>
    server.send('POST', org(`/calls/${call}/resolve`), { cost, reason: 'as invoiced' }, headers);

  it('corrects the one before, and says what that was', async () => {
    const call = await unresolvedCall(machine);
    await resolve(call, '0.00015');
    const corrected = await resolve(call, '0.0001');
    expect(corrected).toMatchObject({ status: 200, body: { cost: '0.0001', costBefore: '0.00015' } });
    const stored = (await server.ledger.read(orgId as never)).resolved.entries.get(call)?.value;
    expect(stored?.resolution).toMatchObject({ charged: usd('0.0001'), source: 'operator' });
  });

  it('is not undone by the repeat of an earlier command', async () => {
    const call = await unresolvedCall(machine);
    const first = await resolve(call, '0.00015', { 'idempotency-key': 'resolve-once' });
    await resolve(call, '0.0001', { 'idempotency-key': 'correct-once' });
    const before = await recorded();
    const again = await resolve(call, '0.00015', { 'idempotency-key': 'resolve-once' });
    expect([again.body, again.headers['idempotent-replayed'], await recorded()]).toEqual([first.body, 'true', before]);
  });
});

describe('calls that are resolved a page at a time', () => {
  it('are those that the filter names; a repeat of the command resolves no others', async () => {
    const calls = [await unresolvedCall(machine), await unresolvedCall(machine), await unresolvedCall(machine)];
    const body = { filter: { model: 'm', code: 'deadline' }, cost: '0.0001', reason: 'not billed', limit: 2 };
    const page = (key: string) => server.send('POST', org('/calls/resolve'), body, { 'idempotency-key': key });
    const first = await page('page-1');
    expect(first).toMatchObject({ status: 200, body: { remaining: 1 } });
    expect(first.body.data).toHaveLength(2);
    expect(first.body.data).toContainEqual({
      id: calls[0],
      status: 'resolved',
      source: 'operator',
      cost: '0.0001',
      charged: '0.0001',
      excess: '0',
      tokens: '20',
      reason: 'not billed',
    });
    const before = await recorded();
    expect([(await page('page-1')).body, await recorded()]).toEqual([first.body, before]);
    const rest = await page('page-2');
    expect(rest.body).toMatchObject({ data: [{ id: calls[2] }], remaining: 0 });
  });
});

async function unresolvedCall({ clock }: TestMachine): Promise<CallId> {
  const { identifiers, actor } = server.control.systemContext('test');
  const callId = identifiers.id('req');
  const price = usd('10');
  const authorize = {
    type: 'AuthorizeCall',
    callId,
    keyId: identifiers.id('key'),
    projectId: projectId as never,
    model: 'm' as ModelId,
    endpoint: 'chat',
    stream: false,
    backendId: identifiers.id('bkd'),
    prices: { version: 1, input: price, cachedInput: price, cacheWrite: price, output: price },
    bounds: {
      inputTokensMax: 10,
      inputTokensEstimate: 10,
      outputTokensCap: 10,
      outputCapSource: 'client',
      outputsMax: 1,
    },
    outputTokensCapMin: 1,
    owner: identifiers.id('boot'),
    dispatchWindowMs: 1_000,
    holdMs: 1_000,
  } as const;
  await server.ledger.submit(orgId as never, authorize, { actor });
  clock.advance(epochMs(2_000));
  await server.ledger.submit(orgId as never, { type: 'ExpireCall', callId, cause: 'deadline' }, { actor });
  return callId;
}

it('describes itself in OpenAPI', () => {
  const document = SwaggerModule.createDocument(server.application, new DocumentBuilder().build());
  const paths = Object.keys(document.paths);
  expect(paths).toContain('/admin/v1/organizations/{org}/api-keys/{id}/rotate');
  const issue = document.paths['/admin/v1/organizations/{org}/api-keys']?.post;
  expect(issue?.summary).toContain('Issues a key');
  expect(Object.keys(issue?.responses ?? {}).sort()).toEqual([
    '201',
    '400',
    '401',
    '403',
    '404',
    '409',
    '412',
    '422',
    '503',
  ]);
  expect(JSON.stringify(issue?.requestBody)).toContain('IssueApiKeyDto');
  const schemas = Object.keys(document.components?.schemas ?? {});
  expect(schemas).toEqual(expect.arrayContaining(['IssuedApiKeyView', 'BudgetView', 'ModelView', 'ProblemView']));
});

it('has met no mistake of the platform', () => {
  expect([server, ...restarted].flatMap(({ unexpected }) => unexpected)).toEqual([]);
});
