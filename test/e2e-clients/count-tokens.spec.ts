import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import { type Answer, jsonOf } from '../e2e/support/answers';
import type { Tenant } from '../e2e/support/tenant';
import { ClientsWorld } from './support/clients-world';

type Body = Readonly<Record<string, unknown>>;

const MESSAGES: Anthropic.MessageParam[] = [{ role: 'user', content: 'How are you?' }];
const TOOL: Anthropic.Tool = {
  name: 'weather',
  description: 'Tells the weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** What Anthropic's clients ask before they send a long prompt. The answer is an estimate, and nobody pays for it. */
describe('counting tokens', () => {
  let clients: ClientsWorld;
  let tenant: Tenant;

  beforeAll(async () => {
    clients = await ClientsWorld.open();
  });
  beforeEach(async () => {
    tenant = await clients.world.tenant();
  });
  afterAll(() => clients.close());

  function anthropic(options: ClientOptions = {}): Anthropic {
    const { url } = clients.world.platform;
    return new Anthropic({ baseURL: url, apiKey: tenant.key.secret, maxRetries: 0, ...options });
  }

  const BACKENDS = [
    ['an Anthropic backend', () => clients.claudeModel()],
    ['an OpenAI backend', () => clients.gptModel()],
    ['the simulator', () => clients.echoModel()],
  ] as const;

  describe.each(BACKENDS)('before %s', (_what, modelOf) => {
    it('answers the official client what a preflight estimates', async () => {
      const model = await modelOf();
      const asked = { model, messages: MESSAGES, system: 'Be brief.', tools: [TOOL] };
      const { data, response } = await anthropic().messages.countTokens(asked).withResponse();
      const preflight = await tenant.post('/preflight', {
        endpoint: '/v1/messages',
        body: { ...asked, max_tokens: 9 },
      });
      const { input_tokens_estimate, input_tokens_max } = jsonOf<Body>(preflight);
      expect(data).toMatchObject({ input_tokens: input_tokens_estimate });
      expect(Object.keys(data)).toEqual(['input_tokens']);
      expect(response.headers.get('x-token-count')).toBe('estimate');
      expect(response.headers.get('x-input-tokens-max')).toBe(String(input_tokens_max));
      expect(response.headers.get('request-id')).toMatch(/^req_/);
    });

    it('asks no backend, records nothing, and charges nothing', async () => {
      const model = await modelOf();
      const { platform } = clients.world;
      const heard = clients.claude.heard.length + clients.gpt.heard.length;
      const before = await platform.ledgerEvents(tenant.orgId);
      await anthropic().messages.countTokens({ model, messages: MESSAGES });
      await anthropic().beta.messages.countTokens({ model, messages: MESSAGES });
      expect(clients.claude.heard.length + clients.gpt.heard.length).toBe(heard);
      expect(await platform.ledgerEvents(tenant.orgId)).toHaveLength(before.length);
      expect(await tenant.money()).toEqual({ settled: 0n, held: 0n, unresolved: 0n });
    });
  });

  it('counts more for more', async () => {
    const model = await clients.claudeModel();
    const count = (rest: Body) => anthropic().messages.countTokens({ model, messages: MESSAGES, ...rest });
    const { input_tokens: few } = await count({});
    const { input_tokens: more } = await count({ system: 'x'.repeat(4_000) });
    expect(more - few).toBeGreaterThanOrEqual(1_000);
    expect(more - few).toBeLessThan(1_100);
  });

  it('does not ask whether a budget has room', async () => {
    const poor = await clients.world.tenant({ limit: '0.000001' });
    const counting = anthropic({ apiKey: poor.key.secret }).messages;
    const asked = { model: await clients.claudeModel(), messages: MESSAGES };
    expect((await counting.countTokens(asked)).input_tokens).toBeGreaterThan(0);
  });

  describe('refuses, in the shape that the official client knows,', () => {
    it('a stranger', async () => {
      const model = await clients.claudeModel();
      const asking = anthropic({ apiKey: 'aiaas_live_nonsense' }).messages.countTokens({ model, messages: MESSAGES });
      await expect(asking).rejects.toThrow(Anthropic.AuthenticationError);
    });

    it('a model that is unknown, that the key may not call, or that is no chat', async () => {
      const known = await clients.claudeModel();
      const texts = await clients.world.model({}, { kind: 'completion' });
      const limited = await clients.world.tenant({ key: { models: [texts] } });
      const { messages } = anthropic({ apiKey: limited.key.secret });
      await expect(messages.countTokens({ model: 'nobody/knows', messages: MESSAGES })).rejects.toMatchObject({
        status: 404,
        requestID: expect.stringMatching(/^req_/),
        error: { type: 'error', error: { type: 'not_found_error', code: 'model_not_found', param: 'model' } },
      });
      await expect(messages.countTokens({ model: known, messages: MESSAGES })).rejects.toMatchObject({
        status: 403,
        error: { error: { type: 'permission_error', code: 'model_not_allowed' } },
      });
      await expect(messages.countTokens({ model: texts, messages: MESSAGES })).rejects.toMatchObject({
        error: { error: { code: 'model_not_for_route' } },
      });
    });

    it('a key that may not run models', async () => {
      const reader = await clients.world.tenant({ key: { scopes: ['usage:read'] } });
      const model = await clients.claudeModel();
      const asking = anthropic({ apiKey: reader.key.secret }).messages.countTokens({ model, messages: MESSAGES });
      await expect(asking).rejects.toThrow(Anthropic.PermissionDeniedError);
    });

    const bad: readonly (readonly [string, Body | string, string, string | null])[] = [
      ['no JSON', '{"model":', 'invalid_json', null],
      ['a list', '[]', 'invalid_type', null],
      ['no messages', { model: 'm' }, 'missing_required_parameter', 'messages'],
      ['messages that are none', { model: 'm', messages: 'hi' }, 'invalid_type', 'messages'],
      ['a field that would be dearer', { model: 'm', messages: MESSAGES, speed: 'fast' }, 'unsupported_field', 'speed'],
      [
        'half a character',
        { model: 'm', messages: [{ role: 'user', content: '\ud800' }] },
        'invalid_unicode',
        'messages',
      ],
    ];
    it.each(bad)('%s', async (_what, body, code, param) => {
      const answer: Answer = await tenant.post('/messages/count_tokens', body);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('request-id')).toBe(answer.requestId);
      expect(jsonOf<Body>(answer)).toMatchObject({
        type: 'error',
        error: { type: 'invalid_request_error', code, param },
        request_id: answer.requestId,
      });
    });
  });
});
