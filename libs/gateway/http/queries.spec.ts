import type { EpochMs } from '#kernel';
import { epochMs, formatInstant } from '#kernel';
import type { ModelDirectory } from '../calls/ports';
import { simulatedModel } from '../calls/spec-kit';
import { planeWith, someKey } from './spec-kit';

const CALL = '/v1/calls/req_01k00000000000000000000000';
const MODELS = ['one', 'two'].map((id) => simulatedModel(id, 'echo'));

async function ask(url: string) {
  const ranges: { from: EpochMs; to: EpochMs }[] = [];
  const server = await planeWith({
    authenticator: { authenticateKey: () => ({ ok: true, key: someKey() }), authenticationFailed: () => undefined },
    models: { callableModels: () => MODELS } as unknown as ModelDirectory,
    reads: {
      waitFor: async () => true,
      callById: async () => 'none',
      projectUsage: async (_orgId, _projectId, range) => {
        ranges.push(range);
        return { data: {}, watermark: {} };
      },
    },
  });
  const response = await server.inject({ url, headers: { 'x-api-key': 'x' } });
  return { response, ranges: ranges.map(({ from, to }) => [formatInstant(epochMs(from)), formatInstant(epochMs(to))]) };
}

describe('a read is not answered that asks for something else than it could', () => {
  it.each([
    ['/v1/usage?project=a', 'project'],
    ['/v1/usage?Model=a', 'Model'],
    ['/v1/usage?model=a&model=b', 'model'],
    ['/v1/usage?from=2026-01-01&from=2026-01-02', 'from'],
    ['/v1/usage?atLeast=soon', 'atLeast'],
    ['/v1/usage?timeZone=Mars/Olympus&from=2026-01-01', 'timeZone'],
    ['/v1/usage?api_key=secret', 'api_key'],
    [`${CALL}?model=a`, 'model'],
    [`${CALL}?atLeast=-1`, 'atLeast'],
    [`${CALL}?atLeast=1&atLeast=2`, 'atLeast'],
    ['/v1/audit/requests/req_01k00000000000000000000000?x=', 'x'],
    ['/v1/models?model=a', 'model'],
    ['/v1/models/one?limit=1', 'limit'],
  ])('%s', async (url, param) => {
    const { response, ranges } = await ask(url);
    expect([response.statusCode, response.json()]).toEqual([
      400,
      { error: expect.objectContaining({ type: 'invalid_request_error', code: 'invalid_value', param }) },
    ]);
    expect(ranges).toEqual([]);
  });

  it('or that says one thing under two names', async () => {
    const { response } = await ask('/v1/usage?from=2026-01-01&start_date=2026-01-02');
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'conflicting_parameters']);
  });
});

describe('what a client says of itself', () => {
  it.each(['beta=true', 'client_version=1.2.3'])('changes no list of models: %s', async (query) => {
    expect((await ask(`/v1/models?${query}`)).response.json()).toMatchObject({ data: [{ id: 'one' }, { id: 'two' }] });
  });
});

it('a part of the list of models is said to be one', async () => {
  const { response } = await ask('/v1/models?limit=1');
  expect(response.json()).toMatchObject({ object: 'list', data: [{ id: 'one' }], has_more: true });
});

describe('plain dates are days of the named zone', () => {
  it.each([
    ['from=2026-06-01&to=2026-06-02', '2026-06-01T00:00:00.000Z', '2026-06-02T00:00:00.000Z'],
    ['from=2026-06-01&to=2026-06-02&timeZone=Asia/Kolkata', '2026-05-31T18:30:00.000Z', '2026-06-01T18:30:00.000Z'],
    [
      'start_date=2026-03-29&end_date=2026-03-30&time_zone=Europe/Berlin',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      'from=2026-06-01T00:00:00Z&to=2026-06-02&timeZone=Asia/Kolkata',
      '2026-06-01T00:00:00.000Z',
      '2026-06-01T18:30:00.000Z',
    ],
  ])('%s', async (query, from, to) => {
    expect((await ask(`/v1/usage?${query}`)).ranges).toEqual([[from, to]]);
  });
});
