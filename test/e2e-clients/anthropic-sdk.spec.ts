import Anthropic, { type ClientOptions } from '@anthropic-ai/sdk';
import type { Tenant } from '../e2e/support/tenant';
import { ClientsWorld } from './support/clients-world';

const COST_OF_CALL = 16_000n;
type Body = Readonly<Record<string, unknown>>;

const TOOL: Anthropic.Tool = {
  name: 'weather',
  description: 'Tells the weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('the official Anthropic client', () => {
  let clients: ClientsWorld;
  let tenant: Tenant;

  beforeAll(async () => {
    clients = await ClientsWorld.open();
  });
  beforeEach(async () => {
    tenant = await clients.world.tenant();
  });
  afterAll(() => clients.close());

  /** It appends `/v1/messages` itself. */
  function anthropic(options: ClientOptions = {}): Anthropic {
    return new Anthropic({
      baseURL: clients.world.platform.url,
      apiKey: tenant.key.secret,
      maxRetries: 0,
      ...options,
    });
  }

  const asked = (model: string, rest: Body = {}): Anthropic.MessageCreateParamsNonStreaming => ({
    model,
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'How are you?' }],
    ...rest,
  });

  const BACKENDS = [
    ['an Anthropic backend', () => clients.claudeModel()],
    ['an OpenAI backend', () => clients.gptModel()],
  ] as const;

  describe.each(BACKENDS)('before %s', (_what, modelOf) => {
    it('gets a message, its usage and its request id', async () => {
      const model = await modelOf();
      const message = await anthropic().messages.create(asked(model));
      expect(message).toMatchObject({
        type: 'message',
        role: 'assistant',
        model,
        content: [{ type: 'text', text: 'word word word ' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 10, output_tokens: 3, cost: '0.000016' },
      });
      expect(message._request_id).toMatch(/^req_/);
      expect(await tenant.recordedTypes(message._request_id ?? '')).toEqual([
        'InferenceAuthorized',
        'InferenceCompleted',
      ]);
      expect(await tenant.money()).toMatchObject({ settled: COST_OF_CALL, held: 0n });
    });

    it('reads a stream, event by event and gathered', async () => {
      const model = await modelOf();
      const stream = anthropic().messages.stream(asked(model));
      const texts: string[] = [];
      stream.on('text', (text) => texts.push(text));
      const message = await stream.finalMessage();
      expect(texts.join('')).toBe('word word word ');
      expect(texts.length).toBeGreaterThan(1);
      expect(message).toMatchObject({
        content: [{ type: 'text', text: 'word word word ' }],
        stop_reason: 'end_turn',
        usage: { output_tokens: 3 },
      });
      expect(stream.request_id).toMatch(/^req_/);
      expect(await tenant.money()).toMatchObject({ settled: COST_OF_CALL, held: 0n });
    });

    it.each(['create', 'stream'] as const)('uses a tool: %s', async (way) => {
      const client = anthropic();
      const first = asked(await modelOf(), { tools: [TOOL] });
      const message =
        way === 'create' ? await client.messages.create(first) : await client.messages.stream(first).finalMessage();
      expect(message.stop_reason).toBe('tool_use');
      const use = message.content.find((block) => block.type === 'tool_use');
      expect(use).toMatchObject({ name: 'weather', input: { city: 'Paris' } });
      const messages: Anthropic.MessageParam[] = [
        ...first.messages,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: use?.id ?? '', content: 'Sunny.' }] },
      ];
      const second = await client.messages.create({ ...first, messages });
      expect(second.content).toMatchObject([{ type: 'text', text: 'word word word ' }]);
    });
  });

  it('is echoed by the simulator', async () => {
    const message = await anthropic().messages.create(asked(await clients.echoModel()));
    expect(message.content).toMatchObject([{ type: 'text', text: 'How are you?' }]);
  });

  it('sends an Anthropic backend what only Anthropic knows', async () => {
    const model = await clients.claudeModel();
    await anthropic().messages.create(asked(model, { system: 'Be brief.', top_k: 5, metadata: { user_id: 'u-1' } }));
    expect(clients.claude.heard.at(-1)).toMatchObject({
      path: '/v1/messages',
      headers: { 'anthropic-version': expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) },
      body: { model: 'claude', system: 'Be brief.', top_k: 5, metadata: { user_id: 'u-1' } },
    });
  });

  it('is told what has no meaning elsewhere', async () => {
    const failed = anthropic().messages.create(asked(await clients.gptModel(), { top_k: 5 }));
    await expect(failed).rejects.toThrow(Anthropic.BadRequestError);
    await expect(failed).rejects.toThrow(/top_k/);
  });

  describe('and its errors', () => {
    it('have their types, and name the request', async () => {
      const unknown = anthropic().messages.create(asked('nobody/knows'));
      await expect(unknown).rejects.toThrow(Anthropic.NotFoundError);
      await expect(unknown).rejects.toMatchObject({
        status: 404,
        requestID: expect.stringMatching(/^req_/),
        error: { type: 'error', error: { type: 'not_found_error', code: 'model_not_found' } },
      });
      const stranger = anthropic({ apiKey: 'aiaas_live_nonsense' }).messages.create(asked('nobody/knows'));
      await expect(stranger).rejects.toThrow(Anthropic.AuthenticationError);
      await expect(stranger).rejects.toMatchObject({ requestID: expect.stringMatching(/^req_/) });
    });

    it.each([
      ['status=400', 400, 'invalid_request_error'],
      ['status=429', 429, 'rate_limit_error'],
      ['status=500', 500, 'api_error'],
      ['status=502', 502, 'api_error'],
      ['ending=garbage', 502, 'api_error'],
    ])('of a backend (%s) are read as its own would be', async (setting, status, type) => {
      const failed = anthropic().messages.create(asked(await clients.claudeModel(`claude?${setting}`)));
      await expect(failed).rejects.toMatchObject({ status, error: { error: { type } } });
    });

    it('of a budget are no reason to try again', async () => {
      const poor = await clients.world.tenant({ limit: '0.000001' });
      const model = await clients.claudeModel();
      const client = anthropic({ apiKey: poor.key.secret, maxRetries: 3 });
      const heard = clients.claude.heard.length;
      await expect(client.messages.create(asked(model))).rejects.toMatchObject({
        status: 402,
        error: { error: { type: 'billing_error', code: 'budget_exhausted' } },
      });
      expect(clients.claude.heard).toHaveLength(heard);
      const refusals = (await clients.world.platform.ledgerEvents(poor.orgId)).filter(
        ({ event }) => event.type === 'InferenceRefused',
      );
      expect(refusals).toHaveLength(1);
    });

    it('in the middle of a stream reach its reader', async () => {
      const model = await clients.claudeModel('claude?ending=cut');
      const stream = anthropic().messages.stream(asked(model));
      await expect(stream.finalMessage()).rejects.toMatchObject({
        error: { type: 'error', error: { type: 'api_error', code: 'backend_interrupted' } },
      });
      expect(await tenant.money()).toMatchObject({ settled: 0n, held: 0n });
    });
  });
});
