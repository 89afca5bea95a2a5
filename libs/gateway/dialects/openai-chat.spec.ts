import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { openAiChat } from './openai-chat';
import { accepted, answered, expectSameAtEverySplit, OneAnswerServer, targetOf } from './spec-kit';

const corpus = (name: string) => readFileSync(join(__dirname, '../../inference/anthropic/corpus', name));
const params = { model: 'house/m', messages: [{ role: 'user' as const, content: 'Weather?' }] };

function sent(rest: object) {
  const request = accepted(openAiChat, { ...params, ...rest });
  const refusal = openAiChat.refusalFor?.(request, 'anthropic');
  return refusal === undefined ? openAiChat.buildUpstream(request, targetOf('anthropic')) : refusal;
}

describe('POST /v1/chat/completions before an Anthropic backend', () => {
  const server = new OneAnswerServer();
  let client: OpenAI;
  beforeAll(async () => {
    await server.start();
    client = new OpenAI({ apiKey: 'k', baseURL: `${server.origin}/v1`, maxRetries: 0 });
  });
  afterAll(() => server.stop());

  it('asks in its words', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const fn = { name: 'get_weather', description: 'Looks', parameters: schema };
    const call = (id: string) => ({
      id,
      type: 'function',
      function: { name: 'get_weather', arguments: '{"city":"Bern"}' },
    });
    expect(
      sent({
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'developer', content: [{ type: 'text', text: 'And kind.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Look' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'auto' } },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
              { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } },
            ],
          },
          { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] },
          { role: 'tool', tool_call_id: 'a', content: 'rain' },
          { role: 'tool', tool_call_id: 'b', content: 'sun' },
          { role: 'user', content: 'And now?' },
        ],
        tools: [{ type: 'function', function: fn }],
        tool_choice: { type: 'function', function: { name: 'get_weather' } },
        parallel_tool_calls: false,
        stop: 'END',
        stream: true,
        temperature: 1,
        user: 'u',
        seed: null,
        frequency_penalty: 0,
        response_format: { type: 'json_schema', json_schema: { name: 'x', description: 'An x', schema, strict: true } },
      }),
    ).toEqual({
      model: 'up-1',
      max_tokens: 64,
      stream: true,
      system: 'Be brief.\n\nAnd kind.',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
            { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
            {
              type: 'document',
              title: 'a.pdf',
              source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' },
            },
          ],
        },
        {
          role: 'assistant',
          content: ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'get_weather', input: { city: 'Bern' } })),
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'rain' }] },
            { type: 'tool_result', tool_use_id: 'b', content: [{ type: 'text', text: 'sun' }] },
            { type: 'text', text: 'And now?' },
          ],
        },
      ],
      tools: [{ name: 'get_weather', description: 'Looks', input_schema: schema }],
      tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
      stop_sequences: ['END'],
      temperature: 1,
      output_config: { format: { type: 'json_schema', schema: { ...schema, description: 'An x' } } },
      metadata: { user_id: 'u' },
    });
  });

  it.each<[string, object, string]>([
    ['several answers', { n: 2 }, 'n'],
    ['a seed', { seed: 1 }, 'seed'],
    ['a penalty', { frequency_penalty: 0.5 }, 'frequency_penalty'],
    ['probabilities', { logprobs: true }, 'logprobs'],
    ['a bias', { logit_bias: { 1: 2 } }, 'logit_bias'],
    ['JSON without a schema', { response_format: { type: 'json_object' } }, 'response_format'],
    ['too much heat', { temperature: 1.5 }, 'temperature'],
    [
      'sound',
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] },
      'messages[0].content[0].type',
    ],
    ['a grammar', { tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0].type'],
    ['a field of another maker', { min_p: 0.1 }, 'min_p'],
    [
      'a cache entry',
      {
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Look', cache_control: { type: 'ephemeral' } }] }],
      },
      'messages[0].content[0].cache_control',
    ],
    [
      'how closely to look',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } }],
          },
        ],
      },
      'messages[0]',
    ],
  ])('refuses %s by its name', (_name, rest, param) => {
    expect(sent(rest)).toMatchObject({ code: 'unsupported_field', param });
  });

  it('late instructions stand with the others, in their order', () => {
    const messages = [
      { role: 'system', content: 'first' },
      ...params.messages,
      { role: 'developer', content: 'then' },
      { role: 'user', content: 'Well?' },
      { role: 'system', content: 'last' },
    ];
    expect(sent({ messages })).toMatchObject({
      system: 'first\n\nthen\n\nlast',
      messages: [{ role: 'user', content: [{}, { text: 'Well?' }] }],
    });
  });

  it('refuses arguments that are no object', () => {
    const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{' } };
    expect(sent({ messages: [...params.messages, { role: 'assistant', tool_calls: [call] }] })).toMatchObject({
      code: 'invalid_value',
      param: 'messages[1]',
    });
  });

  it('streams to the official client', async () => {
    const options = { ...params, stream_options: { include_usage: true } };
    const request = accepted(openAiChat, { ...options, stream: true });
    const bytes = corpus('thinking-tools.txt');
    const { before, closing, outcome } = expectSameAtEverySplit(openAiChat, request, 'anthropic', bytes);
    expect(outcome).toMatchObject({ kind: 'complete', finishReason: 'tool_use' });
    server.stream(before + closing);
    const stream = client.chat.completions.stream(options);
    const completion = await stream.finalChatCompletion();
    expect(completion).toMatchObject({
      id: 'chatcmpl-req_1',
      model: 'house/m',
      usage: { prompt_tokens: 472, completion_tokens: 89, total_tokens: 561, cost: '0.000125' },
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'Let me look.',
            reasoning_content: 'Two cities',
            tool_calls: [
              { id: 'toolu_01', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Zürich"}' } },
              { id: 'toolu_02', type: 'function', function: { name: 'now', arguments: '{}' } },
            ],
          },
        },
      ],
    });
  });

  it('answers the official client', async () => {
    const said = {
      id: 'msg_1',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 's' },
        { type: 'text', text: 'Hi' },
        { type: 'tool_use', id: 't', name: 'now', input: { a: 1 } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 4, cache_read_input_tokens: 2, cache_creation_input_tokens: 1, output_tokens: 3 },
    };
    server.json(answered(openAiChat, accepted(openAiChat, params), 'anthropic', said));
    expect(await client.chat.completions.create(params)).toMatchObject({
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'house/m',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            content: 'Hi',
            refusal: null,
            reasoning_content: 'hm',
            tool_calls: [{ id: 't', type: 'function', function: { name: 'now', arguments: '{"a":1}' } }],
          },
        },
      ],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 3,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
        cost: '0.000125',
      },
    });
  });
});
