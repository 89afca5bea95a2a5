import { recordOf, testMachine } from '#control/testing';
import { BODY_DEPTH_MAX } from './problems/body-structure';
import { startServer, type TestServer } from './testing/test-server';

/** Bodies that a mistaken or malicious program sends: each gets a 422 that says where, and nothing is recorded. */
let server: TestServer;
const machine = testMachine();
beforeAll(async () => {
  server = await startServer(machine);
  await server.send('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' });
  await server.send('POST', '/admin/v1/backends', { name: 'sim', kind: 'simulator' });
});
afterAll(() => server.close());

const BUDGETS = '/admin/v1/organizations/acme/budgets';
const KEYS = '/admin/v1/organizations/acme/api-keys';
const MODELS = '/admin/v1/models';
const BACKENDS = '/admin/v1/backends';

const scope = { type: 'organization' };
const budget = { name: 'B', scope, unit: 'cost', period: 'daily', limit: '1', mode: 'block' };
const route = { backend: 'sim', upstreamModel: 'echo' };
const model = { id: 'm', kind: 'chat', contextTokens: 10, maxOutputTokens: 5, routes: [route] };
const backend = { name: 'b', kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1' };
const key = { name: 'k', projectId: 'prj_00000000000000000000000000' };

async function expectRefused(path: string, body: unknown, pointer: string, method = 'POST'): Promise<string> {
  const before = (await recordOf(machine)).length;
  const answer = await server.send(method, path, body);
  expect([answer.status, answer.body.errors]).toEqual([
    422,
    expect.arrayContaining([{ pointer, message: expect.any(String) }]),
  ]);
  expect(await recordOf(machine)).toHaveLength(before);
  return answer.text;
}

it.each([
  [BUDGETS, { ...budget, scope: [scope] }, '/scope'],
  [BUDGETS, { ...budget, scope: [] }, '/scope'],
  [BUDGETS, { ...budget, scope: null }, '/scope'],
  [BUDGETS, { ...budget, scope: 'organization' }, '/scope'],
  [KEYS, { ...key, owner: [] }, '/owner'],
  [KEYS, { ...key, owner: null }, '/owner'],
  [BACKENDS, { ...backend, timeouts: [] }, '/timeouts'],
  [BACKENDS, { ...backend, timeouts: [{ connectMs: 1 }] }, '/timeouts'],
  [MODELS, { ...model, bounds: [{ textFactor: 2 }] }, '/bounds'],
  [MODELS, { ...model, prices: [] }, '/prices'],
  [MODELS, { ...model, prices: [{ input: '1', output: '1' }] }, '/prices'],
  [MODELS, { ...model, routes: [[route]] }, '/routes'],
  [MODELS, { ...model, routes: [null] }, '/routes'],
  [MODELS, { ...model, routes: {} }, '/routes'],
])('a list is no object, and an object no list: %s %j', async (path, body, pointer) => {
  await expectRefused(path, body, pointer);
});

it.each([[[{ ttlSeconds: 5, hitPricePercent: 5 }]], [[]], ['x']])('of a change neither: %j', async (responseCache) => {
  await expectRefused('/admin/v1/organizations/acme', { responseCache }, '/responseCache', 'PATCH');
});

it.each([
  ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['objects', `${'{"scope":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
])('deeply nested %s are refused where they become too deep', async (_, nested) => {
  const text = await expectRefused(
    BUDGETS,
    `{"scope":${nested}}`,
    expect.stringMatching(new RegExp(`^(?:/[^/]+){${BODY_DEPTH_MAX}}$`)),
  );
  expect(text.length).toBeLessThan(1_000);
});

it('so are those of a keyed command that needs no body', async () => {
  const body = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const path = `${BUDGETS}/bgt_00000000000000000000000000`;
  const answer = await server.send('DELETE', path, body, { 'idempotency-key': 'deep' });
  expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
});

it.each(['{"name":"A","name":"B"}', '{"name":"A","\\u006eame":"B"}', '{"name":"A","x":{"y":1,"y":2}}'])(
  'a key that stands twice is refused, whichever of the two is meant: %s',
  async (body) => {
    const before = (await recordOf(machine)).length;
    const answer = await server.send('PATCH', '/admin/v1/organizations/acme', body);
    expect([answer.status, answer.body.code]).toEqual([400, 'malformed_request']);
    expect(answer.body.detail).toMatch(/stands twice/);
    expect(await recordOf(machine)).toHaveLength(before);
  },
);

it('what is wrong is told in short, however much of it there is', async () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field${n}`, 1]));
  const answer = await server.send('POST', BUDGETS, { ...many, ['x'.repeat(60_000)]: 1 });
  expect([answer.status, answer.body.code]).toEqual([422, 'invalid_request']);
  expect(answer.text.length).toBeLessThan(20_000);
});

it.each(['toString', 'hasOwnProperty', 'valueOf'])('a field called %s is an unknown one', async (name) => {
  await expectRefused(BUDGETS, { ...budget, [name]: 1 }, `/${name}`);
  await expectRefused(BUDGETS, { ...budget, scope: { ...scope, [name]: 1 } }, `/scope/${name}`);
});

it.each(['__proto__', 'constructor'])('a body that reaches for %s is no JSON to us', async (name) => {
  const before = (await recordOf(machine)).length;
  const answer = await server.send('POST', BUDGETS, `{"${name}":{"prototype":{"x":1}}}`);
  expect([answer.status, answer.body.code]).toEqual([400, 'malformed_request']);
  expect(await recordOf(machine)).toHaveLength(before);
});

it.each(['canary\n', ' canary', 'can\r\nary: x', 'canary\ud800', 'canäry'])(
  'a credential that no header can carry is refused, and not repeated: %j',
  async (apiKey) => {
    const text = await expectRefused(BACKENDS, { ...backend, apiKey }, '/apiKey');
    expect(text).not.toContain('can\\');
    expect(text).not.toContain('canary');
  },
);

it.each([
  ['requestsPerMinute', null, 'must be an integer number'],
  ['requestsPerMinute', '5', 'must be an integer number'],
  ['concurrency', -1, 'must not be less than 0'],
])('the message of %s: %j says what it is to be', async (name, value, message) => {
  const body = { [name]: value };
  expect(await expectRefused('/admin/v1/organizations/acme/limits', body, `/${name}`, 'PUT')).toContain(message);
});

it.each(['0x10', ' 1', '1e1', '0', '201', ''])('"%s" is no page limit', async (limit) => {
  const answer = await server.send('GET', `/admin/v1/organizations?limit=${encodeURIComponent(limit)}`);
  expect([answer.status, answer.body.errors]).toEqual([422, [{ pointer: '/limit', message: expect.any(String) }]]);
});

it('a day that does not exist is not taken for another', async () => {
  await expectRefused(KEYS, { ...key, expiresAt: '2999-02-29T00:00:00Z' }, '/expiresAt');
});

it('no body was a mistake of the platform', () => {
  expect(server.unexpected).toEqual([]);
});
