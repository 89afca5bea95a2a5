import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { anthropicMessages } from './anthropic-messages';
import { accepted, answered, contextOf, expectSameAtEverySplit, OneAnswerServer, targetOf } from './spec-kit';

const corpus = (name: string) => readFileSync(join(__dirname, '../../inference', name));
const params = {
  model: 'house/m',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Weather?' }],
};
const tool = {
  name: 'get_weather',
  description: 'Looks up the weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
};

/** What an OpenAI-like backend streams: reasoning, text, two tool calls, usage. */
function chatStream(): Buffer {
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 5, model: 'up-1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const call = (index: number, rest: object) => chunk({ tool_calls: [{ index, ...rest }] });
  const usage = { prompt_tokens: 19, completion_tokens: 30, prompt_tokens_details: { cached_tokens: 8 } };
  return Buffer.from(
    chunk({ role: 'assistant', content: '' }) +
      chunk({ reasoning_content: 'Two cities' }) +
      chunk({ content: 'Let me ' }) +
      chunk({ content: 'look 👋' }) +
      call(0, { id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: '' } }) +
      call(0, { function: { arguments: '{"city":' } }) +
      call(0, { function: { arguments: '"Zürich"}' } }) +
      call(1, { id: 'call_b', type: 'function', function: { name: 'now', arguments: '{}' } }) +
      chunk({}, 'tool_calls') +
      `data: ${JSON.stringify({ id: 'c1', choices: [], usage })}\n\ndata: [DONE]\n\n`,
  );
}

describe('POST /v1/messages', () => {
  const server = new OneAnswerServer();
  let client: Anthropic;
  beforeAll(async () => {
    await server.start();
    client = new Anthropic({ apiKey: 'k', baseURL: server.origin, maxRetries: 0 });
  });
  afterAll(() => server.stop());

  /** The message that the official client puts together from a stream. */
  async function read(text: string): Promise<{ message: Anthropic.Message; types: string[] }> {
    server.stream(text);
    const stream = client.messages.stream(params);
    const types: string[] = [];
    stream.on('streamEvent', ({ type }) => types.push(type));
    return { message: await stream.finalMessage(), types };
  }

  describe('before an Anthropic backend', () => {
    it("a budget of thinking that fitted its client's cap fits the one that was granted", () => {
      const thinking = (max_tokens: number, budget_tokens: number, outputTokensCap: number) => {
        const body = { ...params, max_tokens, thinking: { type: 'enabled', budget_tokens } };
        const target = { ...targetOf('anthropic'), outputTokensCap };
        return anthropicMessages.buildUpstream(accepted(anthropicMessages, body), target).thinking;
      };
      expect(thinking(32_000, 16_000, 32_000)).toEqual({ type: 'enabled', budget_tokens: 16_000 });
      expect(thinking(32_000, 16_000, 9_000)).toEqual({ type: 'enabled', budget_tokens: 8_999 });
      expect(thinking(32_000, 16_000, 1_024)).toEqual({ type: 'disabled' });
      // For the backend to refuse, in its own words.
      expect(thinking(8_000, 16_000, 8_000)).toEqual({ type: 'enabled', budget_tokens: 16_000 });
    });

    it('passes the request on with the granted cap', () => {
      const body = { ...params, stream: true, top_k: 5, thinking: { type: 'enabled', budget_tokens: 1_024 } };
      const request = accepted(anthropicMessages, body);
      expect(anthropicMessages.refusalFor?.(request, 'anthropic')).toBeUndefined();
      expect(anthropicMessages.buildUpstream(request, targetOf('anthropic', { dropFields: ['top_k'] }))).toEqual({
        model: 'up-1',
        max_tokens: 64,
        messages: params.messages,
        stream: true,
        thinking: { type: 'enabled', budget_tokens: 1_024 },
      });
    });

    it('streams to the official client', async () => {
      const request = accepted(anthropicMessages, { ...params, stream: true });
      const bytes = corpus('anthropic/corpus/thinking-tools.txt');
      const { before, closing } = expectSameAtEverySplit(anthropicMessages, request, 'anthropic', bytes);
      const { message } = await read(before + closing);
      expect(message).toMatchObject({
        id: 'msg_02',
        model: 'house/m',
        stop_reason: 'tool_use',
        content: [
          { type: 'thinking', thinking: 'Two cities', signature: 'EqQBCgIYAhIM' },
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 'toolu_01', name: 'get_weather', input: { city: 'Zürich' } },
          { type: 'tool_use', id: 'toolu_02', name: 'now', input: {} },
        ],
        usage: { input_tokens: 472, output_tokens: 89 },
      });
    });

    it('answers the official client', async () => {
      const said = {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [{ type: 'text', text: 'Hi' }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: { input_tokens: 4, cache_read_input_tokens: 2, output_tokens: 3 },
      };
      server.json(answered(anthropicMessages, accepted(anthropicMessages, params), 'anthropic', said));
      expect(await client.messages.create(params)).toMatchObject({
        ...said,
        model: 'house/m',
        usage: { ...said.usage, cost: '0.000125' },
      });
    });
  });

  describe('before an OpenAI-like backend', () => {
    it('asks in its words', () => {
      const body = {
        ...params,
        stream: true,
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Look' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
              {
                type: 'document',
                title: 'a.txt',
                source: { type: 'text', media_type: 'text/plain', data: 'plain' },
              },
            ],
          },
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'hm', signature: 's' },
              { type: 'text', text: 'I look' },
              { type: 'tool_use', id: 't1', name: 'get_weather', input: { city: 'Bern' } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'rain' }] },
              { type: 'text', text: 'And now?' },
            ],
          },
        ],
        tools: [tool],
        tool_choice: { type: 'any', disable_parallel_tool_use: true },
        stop_sequences: ['END'],
        temperature: 0.5,
        metadata: { user_id: 'u' },
      };
      const request = accepted(anthropicMessages, body);
      expect(anthropicMessages.refusalFor?.(request, 'openai')).toBeUndefined();
      expect(anthropicMessages.buildUpstream(request, targetOf('openai'))).toEqual({
        model: 'up-1',
        max_tokens: 64,
        stream: true,
        stream_options: { include_usage: true },
        messages: [
          { role: 'system', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Look' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
              { type: 'text', text: 'a.txt\nplain' },
            ],
          },
          {
            role: 'assistant',
            content: 'I look',
            tool_calls: [
              { id: 't1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Bern"}' } },
            ],
          },
          { role: 'tool', tool_call_id: 't1', content: 'rain' },
          { role: 'user', content: 'And now?' },
        ],
        tools: [
          {
            type: 'function',
            function: { name: 'get_weather', description: tool.description, parameters: tool.input_schema },
          },
        ],
        tool_choice: 'required',
        parallel_tool_calls: false,
        stop: ['END'],
        temperature: 0.5,
        user: 'u',
      });
    });

    it.each<[string, object, string]>([
      ['top_k', { top_k: 5 }, 'top_k'],
      [
        'a document by URL',
        {
          messages: [{ role: 'user', content: [{ type: 'document', source: { type: 'url', url: 'https://e.com' } }] }],
        },
        'messages[0]',
      ],
      [
        'a file of the backend',
        { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'f' } }] }] },
        'messages[0].content[0].source.type',
      ],
      ['examples in a tool', { tools: [{ ...tool, input_examples: [] }] }, 'tools[0].input_examples'],
    ])('refuses %s by its name', (_name, rest, param) => {
      const request = accepted(anthropicMessages, { ...params, ...rest });
      expect(anthropicMessages.refusalFor?.(request, 'openai')).toMatchObject({ code: 'unsupported_field', param });
    });

    const sent = (rest: object) =>
      anthropicMessages.buildUpstream(accepted(anthropicMessages, { ...params, ...rest }), targetOf('openai'));

    it.each([
      [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, 'low'],
      [{ thinking: { type: 'enabled', budget_tokens: 10_000 } }, 'medium'],
      [{ thinking: { type: 'enabled', budget_tokens: 31_999 } }, 'high'],
      [{ thinking: { type: 'enabled', budget_tokens: 31_999 }, output_config: { effort: 'max' } }, 'max'],
      [{ thinking: { type: 'adaptive' } }, undefined],
      [{ thinking: { type: 'disabled' } }, undefined],
    ])('a budget of thinking becomes an effort, within the same cap: %j', (rest, effort) => {
      expect(sent(rest)).toMatchObject({ max_tokens: 64 });
      expect(sent(rest).reasoning_effort).toBe(effort);
    });

    it('thinking of earlier turns, sealed or not, is left out, and a turn of nothing else with it', () => {
      const sealed = { type: 'redacted_thinking', data: 'x' };
      const thought = { type: 'thinking', thinking: 'hm', signature: '' };
      const messages = [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: [thought, sealed, { type: 'text', text: 'b' }] },
        { role: 'user', content: 'c' },
        { role: 'assistant', content: [sealed] },
      ];
      expect(sent({ messages }).messages).toEqual([
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'c' },
      ]);
    });

    it('what tools show stands before the next words of the user, and their results stay together', () => {
      const source = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
      const result = (tool_use_id: string, ...content: object[]) => ({ type: 'tool_result', tool_use_id, content });
      const use = (id: string) => ({ type: 'tool_use', id, name: 'look', input: {} });
      const image = { type: 'image', source };
      const messages = [
        { role: 'user', content: 'go' },
        { role: 'assistant', content: [use('a'), use('b')] },
        { role: 'user', content: [result('a', { type: 'text', text: 'one' }, image), result('b', image)] },
        { role: 'assistant', content: [use('c')] },
        { role: 'user', content: [result('c', image), { type: 'text', text: 'Well?' }] },
      ];
      const shown = (number: number) => [
        { type: 'text', text: `(image ${number} of the tool results)` },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      ];
      const told = (number: number) => `(image ${number} of the tool results: shown below)`;
      expect(sent({ messages }).messages).toMatchObject([
        { role: 'user' },
        { role: 'assistant' },
        { role: 'tool', tool_call_id: 'a', content: `one\n${told(1)}` },
        { role: 'tool', tool_call_id: 'b', content: told(2) },
        { role: 'user', content: [...shown(1), ...shown(2)] },
        { role: 'assistant' },
        { role: 'tool', tool_call_id: 'c', content: told(3) },
        { role: 'user', content: [...shown(3), { type: 'text', text: 'Well?' }] },
      ]);
    });

    it.each([
      ['no such city', 'Error: no such city'],
      ['Error: no such city', 'Error: no such city'],
      ['<error>no such city</error>', '<error>no such city</error>'],
    ])('a tool that failed says so: %j', (text, content) => {
      const result = { type: 'tool_result', tool_use_id: 't', is_error: true, content: text };
      expect(sent({ messages: [{ role: 'user', content: [result] }] }).messages).toMatchObject([{ content }]);
    });

    it('streams to the official client, in the order of the protocol', async () => {
      const request = accepted(anthropicMessages, { ...params, stream: true });
      const { before, closing, outcome } = expectSameAtEverySplit(anthropicMessages, request, 'openai', chatStream());
      expect(outcome).toMatchObject({ kind: 'complete', usage: { kind: 'reported' } });
      expect(before).not.toContain('message_delta');
      const { message, types } = await read(before + closing);
      expect(message).toMatchObject({
        id: 'msg_req_1',
        model: 'house/m',
        role: 'assistant',
        stop_reason: 'tool_use',
        stop_sequence: null,
        content: [
          { type: 'thinking', thinking: 'Two cities' },
          { type: 'text', text: 'Let me look 👋' },
          { type: 'tool_use', id: 'call_a', name: 'get_weather', input: { city: 'Zürich' } },
          { type: 'tool_use', id: 'call_b', name: 'now', input: {} },
        ],
        usage: { input_tokens: 11, cache_read_input_tokens: 8, output_tokens: 30 },
      });
      expect(types.filter((type) => type !== 'content_block_delta')).toEqual([
        'message_start',
        ...Array.from({ length: 4 }, () => ['content_block_start', 'content_block_stop']).flat(),
        'message_delta',
        'message_stop',
      ]);
    });

    it('answers the official client', async () => {
      const said = {
        id: 'c1',
        choices: [
          {
            index: 0,
            finish_reason: 'tool_calls',
            message: {
              role: 'assistant',
              content: 'Let me look',
              tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'now', arguments: '{"a":1}' } }],
            },
          },
        ],
        usage: { prompt_tokens: 9, completion_tokens: 3 },
      };
      server.json(answered(anthropicMessages, accepted(anthropicMessages, params), 'openai', said));
      expect(await client.messages.create(params)).toEqual({
        id: 'msg_req_1',
        type: 'message',
        role: 'assistant',
        model: 'house/m',
        content: [
          { type: 'text', text: 'Let me look' },
          { type: 'tool_use', id: 'call_a', name: 'now', input: { a: 1 } },
        ],
        stop_reason: 'tool_use',
        stop_sequence: null,
        usage: {
          input_tokens: 9,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 3,
          cost: '0.000125',
        },
      });
    });

    it.each(['openai.txt', 'azure-openai.txt', 'vllm.txt', 'mistral.txt', 'groq.txt', 'ollama.txt'])(
      'understands the stream of %s wherever it is cut',
      async (name) => {
        const request = accepted(anthropicMessages, { ...params, stream: true });
        const bytes = corpus(`streaming/corpus/${name}`);
        const { before, closing, outcome } = expectSameAtEverySplit(anthropicMessages, request, 'openai', bytes);
        expect(outcome.kind).toBe('complete');
        expect((await read(before + closing)).message.content).toHaveLength(1);
      },
    );
  });

  describe('failures', () => {
    it.each([
      ['budget_exhausted', Anthropic.PaymentRequiredError, 'billing_error'],
      ['rate_limit_exceeded', Anthropic.RateLimitError, 'rate_limit_error'],
      ['model_not_found', Anthropic.NotFoundError, 'not_found_error'],
      ['invalid_api_key', Anthropic.AuthenticationError, 'authentication_error'],
      ['unsupported_field', Anthropic.BadRequestError, 'invalid_request_error'],
      ['backend_failed', Anthropic.InternalServerError, 'api_error'],
    ] as const)('%s is what the official client knows', async (code, kind, type) => {
      server.error(anthropicMessages.errorAnswer(code, { requestId: 'req_9', param: 'model' }));
      const error: unknown = await client.messages.create(params).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({
        requestID: 'req_9',
        type,
        error: { type: 'error', error: { type, code }, request_id: 'req_9' },
      });
    });

    it('one event ends a broken stream', async () => {
      const request = accepted(anthropicMessages, { ...params, stream: true });
      const { before } = expectSameAtEverySplit(
        anthropicMessages,
        request,
        'anthropic',
        corpus('anthropic/corpus/text.txt').subarray(0, 900),
      );
      const context = contextOf('anthropic');
      const frame = anthropicMessages.errorFrame('backend_interrupted', { requestId: 'req_9' }, request, context);
      await expect(read(before + frame)).rejects.toMatchObject({ type: 'api_error' });
    });
  });
});
