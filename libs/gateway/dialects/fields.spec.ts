import { parseCountTokensRequest } from '#inference/anthropic';
import type { BackendKind } from '#inference/catalogue';
import { unknownFieldRefusalOfModel } from '../calls/choose-route';
import { CallWorld, simulatedBackend, simulatedModel } from '../calls/spec-kit';
import { DIALECTS } from './index';
import { backendOf, targetOf } from './spec-kit';

/** A cap, a host or a key under another name must not reach a backend, whatever the route and whoever allows it. */

const MESSAGES = [{ role: 'user', content: 'Hello' }];
const BODIES: Readonly<Record<string, object>> = {
  '/chat/completions': { messages: MESSAGES },
  '/completions': { prompt: 'Hello' },
  '/embeddings': { input: 'Hello' },
  '/responses': { input: 'Hello' },
  '/messages': { messages: MESSAGES, max_tokens: 9 },
  '/inference': { prompt: 'Hello' },
};
const KINDS: Readonly<Record<string, readonly BackendKind[]>> = {
  '/completions': ['openai', 'simulator'],
  '/embeddings': ['openai', 'simulator'],
};
const NEVER = {
  n_predict: 90_000,
  max_new_tokens: 90_000,
  num_predict: 90_000,
  min_tokens: 500,
  ignore_eos: true,
  use_beam_search: true,
  api_base: 'http://elsewhere.example',
  api_key: 'sk-other',
  mock_response: 'free',
  kv_transfer_params: {},
  extra_body: { n_predict: 90_000 },
  extra_headers: { authorization: 'Bearer other' },
  options: { num_ctx: 1_000_000 },
  nvext: { ignore_eos: true },
  vendor: { max_tokens: 90_000 },
};
const ALLOWED = { allowFields: ['future_field'] };

function parse(path: string, rest: object) {
  const body = { model: 'm', ...BODIES[path], ...rest };
  return DIALECTS[path]?.use((dialect) => dialect.parse(body) as { ok: boolean; refusal?: object });
}

describe.each(Object.keys(DIALECTS))('POST /v1%s', (path) => {
  it.each(Object.entries(NEVER))('refuses %s', (field, value) => {
    expect(parse(path, { [field]: value })).toMatchObject({
      ok: false,
      refusal: { code: 'unsupported_field', param: field },
    });
  });

  it('refuses another spelling of it', () => {
    expect(parse(path, { nPredict: 90_000 })).toMatchObject({ ok: false, refusal: { code: 'ambiguous_field' } });
  });

  it.each(KINDS[path] ?? (['openai', 'anthropic', 'simulator'] as const))(
    'sends a field that it does not know to a backend of kind %s only if the operator says so',
    (kind) =>
      DIALECTS[path]?.use((dialect) => {
        const parsed = dialect.parse({ model: 'm', ...BODIES[path], future_field: { depth: 1 } });
        if (!parsed.ok) throw new Error(parsed.refusal.message);
        const { request } = parsed;
        expect(request.unknownFields).toEqual(['future_field']);
        expect(dialect.refusalFor?.(request, kind)).toBeUndefined();
        expect(dialect.buildUpstream(request, targetOf(kind, ALLOWED))).toMatchObject({ future_field: { depth: 1 } });
        const dropped = { ...ALLOWED, dropFields: ['future_field'] };
        expect(dialect.buildUpstream(request, targetOf(kind, dropped))).not.toHaveProperty('future_field');
      }),
  );

  it('finds in a field that an operator allows what no operator can', () => {
    expect(parse(path, { future_field: { deep: [{ max_new_tokens: 9 }] } })).toMatchObject({
      ok: false,
      refusal: { code: 'unsupported_field', param: 'future_field.deep[0].max_new_tokens' },
    });
  });

  it('is refused before anything is held, and admitted where the operator vouches for it', async () => {
    const [backend, vouched] = [simulatedBackend('plain'), { ...simulatedBackend('vouched'), ...ALLOWED }];
    const kind = path === '/embeddings' ? 'embedding' : path === '/completions' ? 'completion' : 'chat';
    const output = kind === 'embedding' ? { maxOutputTokens: 0, defaultOutputTokens: 0 } : {};
    const routes = (id: typeof backend.id) =>
      ({
        kind,
        ...output,
        routes: [{ backendId: id, upstreamModel: 'echo', weight: 1 }],
      }) as const;
    const world = new CallWorld({
      models: [
        simulatedModel('plain', 'echo', routes(backend.id)),
        simulatedModel('vouched', 'echo', routes(vouched.id)),
      ],
      backends: [backend, vouched],
    });
    const ask = (model: string) =>
      DIALECTS[path]?.use((dialect) => world.run(dialect, { ...BODIES[path], model, future_field: 1 }));
    const refused = await ask('plain');
    expect(refused?.status).toBe(400);
    expect(refused?.text).toContain("'allowFields'");
    expect((await ask('vouched'))?.text).not.toContain('unsupported_field');
    await world.close();
  });
});

describe('POST /v1/messages/count_tokens', () => {
  const ask = (rest: object) => parseCountTokensRequest({ model: 'm', messages: MESSAGES, ...rest });

  it.each(Object.keys(NEVER))('refuses %s', (field) => {
    expect(ask({ [field]: 'x' })).toMatchObject({ ok: false, refusal: { code: 'unsupported_field', param: field } });
  });

  it('counts what at least one backend of the model would take', () => {
    const backends = [backendOf('openai'), { ...backendOf('openai', ALLOWED), id: simulatedBackend('b').id }];
    const models = { backends: () => new Map(backends.map((backend) => [backend.id, backend])) };
    const model = (count: number) =>
      simulatedModel('m', 'echo', {
        routes: backends.slice(0, count).map(({ id }) => ({ backendId: id, upstreamModel: 'echo', weight: 1 })),
      });
    const parsed = ask({ future_field: 1 });
    if (!parsed.ok) throw new Error(parsed.refusal.message);
    const { unknownFields } = parsed.request;
    expect(unknownFieldRefusalOfModel(models, model(1), unknownFields)).toMatchObject({ param: 'future_field' });
    expect(unknownFieldRefusalOfModel(models, model(2), unknownFields)).toBeUndefined();
  });
});
