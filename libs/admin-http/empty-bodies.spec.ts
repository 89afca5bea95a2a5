import { startServer, type TestServer } from './testing/test-server';

/** Many programs send `Content-Type: application/json` with everything: an empty body is none. */
let server: TestServer;
const json = { 'content-type': 'application/json' };
const scope = { type: 'organization' };
const BUDGET = { name: 'B', scope, unit: 'cost', period: 'daily', limit: '1', mode: 'block' };
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

async function made(path: string, body: object): Promise<string> {
  const { status, body: answer } = await server.send('POST', path, body);
  expect(status).toBe(201);
  return String(answer.id);
}

async function organization(slug: string): Promise<string> {
  await made('/admin/v1/organizations', { name: 'Acme', slug });
  return `/admin/v1/organizations/${slug}`;
}

describe.each([
  ['no bytes', {}],
  ['a length of 0', { 'content-length': '0' }],
  ['chunks of nothing', { 'transfer-encoding': 'chunked' }],
])('a body of %s', (what, framing) => {
  const slug = what.replaceAll(' ', '-');
  const send = (method: string, path: string) => server.send(method, path, '', { ...json, ...framing });

  it('is no body where a command needs none', async () => {
    const orgPath = await organization(slug);
    const budgetId = await made(`${orgPath}/budgets`, BUDGET);
    expect((await send('POST', `${orgPath}/resume`)).status).toBe(200);
    expect((await send('DELETE', `${orgPath}/budgets/${budgetId}`)).status).toBe(200);
  });

  it('is missed where a command needs one', async () => {
    const orgPath = await organization(`${slug}-2`);
    for (const [method, path] of [
      ['POST', '/admin/v1/organizations'],
      ['POST', `${orgPath}/suspend`],
      ['PUT', `${orgPath}/models`],
    ] as const) {
      const answer = await send(method, path);
      expect([path, answer.status, answer.body.code]).toEqual([path, 422, 'invalid_request']);
    }
  });
});
