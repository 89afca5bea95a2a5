import type { Model } from '#inference/catalogue';
import type { EpochMs } from '#kernel';
import type { ModelDirectory } from '../calls/ports';
import { simulatedModel } from '../calls/spec-kit';
import { planeWith, someKey } from './spec-kit';

const MODELS: readonly Model[] = ['maker/one', 'two', 'three'].map((id) => simulatedModel(id, 'echo'));
const ANTHROPIC = { 'anthropic-version': '2023-06-01' };

function ask(url: string, headers: Readonly<Record<string, string>> = {}) {
  const findCallableModel = () => ({ ok: false, code: 'model_not_found' });
  const models = { callableModels: () => MODELS, findCallableModel } as unknown as ModelDirectory;
  const authenticator = {
    authenticateKey: () => ({ ok: true as const, key: someKey() }),
    authenticationFailed: () => undefined,
  };
  return planeWith({ models, authenticator, clock: { now: () => 0 as EpochMs, monotonicMs: () => 0 } }).then((server) =>
    server.inject({ method: 'GET', url, headers: { 'x-api-key': 'k', ...headers } }),
  );
}

it("lists models in OpenAI's shape", async () => {
  expect((await ask('/v1/models')).json()).toMatchObject({
    object: 'list',
    data: [{ id: 'maker/one', object: 'model' }, { id: 'two' }, { id: 'three' }],
  });
  expect((await ask('/v1/models/maker%2Fone')).json()).toMatchObject({ id: 'maker/one', object: 'model' });
});

it("lists them in Anthropic's where its version is named", async () => {
  const response = await ask('/v1/models', ANTHROPIC);
  expect(response.headers['request-id']).toBe('req_1');
  expect(response.json()).toEqual({
    data: MODELS.map(({ id }) => ({
      type: 'model',
      id,
      display_name: id,
      created_at: '1970-01-01T00:00:00.000Z',
      max_input_tokens: 2_000,
      max_tokens: 500,
    })),
    has_more: false,
    first_id: 'maker/one',
    last_id: 'three',
  });
  expect((await ask('/v1/models/maker/one', ANTHROPIC)).json()).toMatchObject({ type: 'model', id: 'maker/one' });
  expect((await ask('/v1/models/none', ANTHROPIC)).json()).toMatchObject({
    type: 'error',
    error: { type: 'not_found_error' },
  });
});

it.each([
  ['limit=2', ['maker/one', 'two'], true],
  ['limit=2&after_id=two', ['three'], false],
  ['limit=1&before_id=three', ['two'], true],
  ['after_id=none', ['maker/one', 'two', 'three'], false],
])('in pages: %s', async (query, ids, more) => {
  const { data, has_more } = (await ask(`/v1/models?${query}`, ANTHROPIC)).json<{
    data: { id: string }[];
    has_more: boolean;
  }>();
  expect([data.map(({ id }) => id), has_more]).toEqual([ids, more]);
});

it.each(['limit=0', 'limit=x', 'limit=1001', 'after_id=a&before_id=b'])('refuses %s', async (query) => {
  const response = await ask(`/v1/models?${query}`, ANTHROPIC);
  expect([response.statusCode, response.json<{ type: string }>().type]).toEqual([400, 'error']);
});
