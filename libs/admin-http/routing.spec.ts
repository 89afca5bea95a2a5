import { recordOf, testMachine } from '#control/testing';
import { catalogueCodec } from '#inference/catalogue';
import { startServer, type TestServer } from './testing/test-server';

/** Taking backends out of the way of calls, and seeing what the router makes of it. */
let server: TestServer;
const machine = testMachine();
let backendId = '';
beforeAll(async () => {
  server = await startServer(machine);
  const made = await server.send('POST', '/admin/v1/backends', {
    name: 'provider',
    kind: 'openai',
    baseUrl: 'https://api.example.com/v1',
  });
  backendId = String(made.body.id);
});
afterAll(() => server.close());

const setService = (service: string, reason = 'maintenance') =>
  server.send('POST', `/admin/v1/backends/${backendId}/service`, { service, reason });

it.each(['draining', 'out-of-service', 'degraded', 'in-service'])('%s is recorded with its reason', async (service) => {
  const answer = await setService(service, `because ${service}`);
  expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ id: backendId, service })]);
  const newest = (await recordOf(machine)).at(-1);
  expect(newest && catalogueCodec.decode(newest)?.event).toEqual({
    type: 'BackendServiceSet',
    data: { backendId, service, reason: `because ${service}` },
  });
  expect((await server.send('GET', '/admin/v1/routing/backends')).body.data).toMatchObject([
    { id: backendId, service },
  ]);
});

it('a reason of blanks is none', async () => {
  const answer = await setService('draining', '  ');
  expect([answer.status, answer.body.code]).toEqual([422, 'invalid_reason']);
});

it('a change of settings leaves the service as it is', async () => {
  await setService('draining');
  const answer = await server.send('PATCH', `/admin/v1/backends/${backendId}`, { timeouts: { connectMs: 7 } });
  expect(answer.body).toMatchObject({ service: 'draining', timeouts: { connectMs: 7 } });
});

it.each(['0', '501', 'many', '1.5'])('limit=%s is refused for decisions', async (limit) => {
  const answer = await server.send('GET', `/admin/v1/routing/decisions?limit=${limit}`);
  expect([answer.status, answer.body.errors]).toEqual([
    422,
    [{ pointer: '/limit', message: 'limit is a whole number from 1 to 500.' }],
  ]);
});

it('decisions name the call by its request', async () => {
  const { body } = await server.send('GET', '/admin/v1/routing/decisions');
  expect(body.data).toEqual([
    { at: expect.any(String), requestId: 'req_1', model: 'm', backend: 'provider', decision: 'primary' },
  ]);
});
