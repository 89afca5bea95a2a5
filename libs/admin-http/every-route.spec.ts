import { recordOf, testMachine } from '#control/testing';
import { ACCESS_TABLE } from './access/access-table';
import { WALK } from './testing/route-walk.contract';
import { type Answer, startServer, type TestServer } from './testing/test-server';
import { ids, nothing } from './testing/walked.contract';

/**
 * Every route of the access table: what it answers when all is well, and that nothing of what it refuses is recorded.
 * The application is started once, and the tests build on one another in the order of a real organization's life.
 */
let server: TestServer;
const machine = testMachine();
beforeAll(async () => {
  server = await startServer(machine);
});
afterAll(() => server.close());

const secrets: string[] = [];

async function expectNothingRecorded(work: () => Promise<void>): Promise<void> {
  const before = (await recordOf(machine)).length;
  await work();
  expect(await recordOf(machine)).toHaveLength(before);
}

function expectProblem({ status, headers, body }: Answer, wanted: number): void {
  expect([status, body]).toEqual([wanted, expect.objectContaining({ status: wanted, code: expect.any(String) })]);
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(headers['x-request-id']).toBe(body.requestId);
}

it.each(WALK.map((step) => [step.route, step] as const))('%s', async (route, step) => {
  const [method = ''] = route.split(' ');
  const path = step.path();
  const isCommand = method !== 'GET';

  await expectNothingRecorded(async () => {
    for (const authorization of ['', 'Basic eDp5', 'Bearer aiaas_sys_nonsense', 'Bearer a b']) {
      const stranger = await server.send(method, path, step.body?.(), { authorization });
      expectProblem(stranger, 401);
      expect(stranger.headers['www-authenticate']).toMatch(/^Bearer realm="aiaas"/);
    }
    for (const [body, pointer] of step.invalid ?? []) {
      const refused = await server.send(method, path, body);
      expectProblem(refused, 422);
      expect(refused.body.errors).toContainEqual({ pointer, message: expect.any(String) });
    }
    if (isCommand && step.body !== undefined) expectProblem(await server.send(method, path, '{"a":'), 400);
    if (isCommand && step.as === undefined && step.status === undefined && !path.includes('calls'))
      expectProblem(await server.send(method, path, step.body?.(), { 'if-match': '"0123"' }), 412);
    const elsewhere = path.replace('/acme', '/nobody').replace(/(key|prj|team|sa|bgt|bkd|tok)_\w+/, `$1_${nothing}`);
    const there = elsewhere.replace(/maker(\/|%2F)small/, 'nobody$1nothing');
    if (there !== path) expectProblem(await server.send(method, there, step.body?.()), 404);
  });

  const answer = await server.send(method, path, step.body?.());
  expect([answer.status, answer.body]).toEqual([step.status ?? 200, expect.objectContaining(deep(step.answer))]);
  if (step.as !== undefined) ids[step.as] = String(answer.body.id);
  for (const secret of secrets) expect(answer.text).not.toContain(secret);
  expect(answer.text).not.toMatch(/canary|secretHash|[0-9a-f]{64}/);
  if (typeof answer.body.secret === 'string') secrets.push(answer.body.secret);
  if (isCommand && answer.status < 400) expect(answer.headers['x-event-position']).toMatch(/^[1-9]\d*$/);
  if (step.isRepeatable === true)
    await expectNothingRecorded(async () => {
      const repeated = await server.send(method, path, step.body?.());
      expect([repeated.status, repeated.text]).toEqual([200, answer.text]);
    });
});

/** Nested objects may hold more than is named. */
function deep(wanted: object): object {
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]: [string, unknown]) => {
      if (Array.isArray(value))
        return [key, value.map((item) => (isPlain(item) ? expect.objectContaining(deep(item)) : item))];
      return [key, isPlain(value) ? expect.objectContaining(deep(value)) : value];
    }),
  );
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

it('has walked every route of the access table', () => {
  expect(new Set(WALK.map(({ route }) => route))).toEqual(new Set(Object.keys(ACCESS_TABLE)));
});

it('has met no mistake of the platform', () => {
  expect(server.unexpected).toEqual([]);
  expect(server.problems).toEqual([]);
});
