import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { BackendKind } from '#inference/catalogue';
import { openAiResponses } from './openai-responses';
import { accepted, answered, contextOf, expectSameAtEverySplit, OneAnswerServer, relayed, targetOf } from './spec-kit';

const corpus = (name: string) => readFileSync(join(__dirname, '../../inference', name));
const params = { model: 'house/m', input: 'Weather?' };
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const tool = { type: 'function' as const, name: 'get_weather', parameters, strict: true };

function sent(rest: object, kind: BackendKind) {
  const request = accepted(openAiResponses, { ...params, ...rest });
  return openAiResponses.refusalFor?.(request, kind) ?? openAiResponses.buildUpstream(request, targetOf(kind));
}

function chatBytes(...deltas: [object, (string | null)?][]): Buffer {
  const frames = deltas.map(
    ([delta, finish = null]) =>
      `data: ${JSON.stringify({ id: 'c1', model: 'up-1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
  );
  const usage = { prompt_tokens: 19, completion_tokens: 30, prompt_tokens_details: { cached_tokens: 8 } };
  return Buffer.from(`${frames.join('')}data: ${JSON.stringify({ id: 'c1', choices: [], usage })}\n\ndata: [DONE]\n\n`);
}

describe('POST /v1/responses', () => {
  const server = new OneAnswerServer();
  let client: OpenAI;
  beforeAll(async () => {
    await server.start();
    client = new OpenAI({ apiKey: 'k', baseURL: `${server.origin}/v1`, maxRetries: 0 });
  });
  afterAll(() => server.stop());

  /** The response that the official client puts together from a stream. */
  async function read(text: string) {
    server.stream(text);
    const stream = client.responses.stream(params);
    const types: string[] = [];
    const numbers: number[] = [];
    stream.on('event', (event) => {
      types.push(event.type);
      if ('sequence_number' in event) numbers.push(event.sequence_number);
    });
    return { response: await stream.finalResponse(), types, numbers };
  }

  const conversation = {
    instructions: 'Be brief.',
    input: [
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Look' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look', annotations: [] }] },
      { type: 'function_call', call_id: 'a', name: 'get_weather', arguments: '{"city":"Bern"}' },
      { type: 'function_call', call_id: 'b', name: 'get_weather', arguments: '{"city":"Chur"}' },
      { type: 'function_call_output', call_id: 'a', output: 'rain' },
      { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'sun' }] },
    ],
    tools: [tool],
    tool_choice: 'required',
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'json_schema', name: 'x', description: 'An x', schema: parameters, strict: true } },
    stream: true,
    store: false,
  };

  it('asks an OpenAI-like backend through its chat', () => {
    const call = (id: string, city: string) => ({
      id,
      type: 'function',
      function: { name: 'get_weather', arguments: JSON.stringify({ city }) },
    });
    expect(sent(conversation, 'openai')).toEqual({
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
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'auto' } },
          ],
        },
        { role: 'assistant', content: 'I look', tool_calls: [call('a', 'Bern'), call('b', 'Chur')] },
        { role: 'tool', tool_call_id: 'a', content: 'rain' },
        { role: 'tool', tool_call_id: 'b', content: 'sun' },
      ],
      tools: [{ type: 'function', function: { name: 'get_weather', parameters, strict: true } }],
      tool_choice: 'required',
      reasoning_effort: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', description: 'An x', schema: parameters, strict: true },
      },
    });
  });

  it('asks an Anthropic backend in its words', () => {
    const use = (id: string, city: string) => ({ type: 'tool_use', id, name: 'get_weather', input: { city } });
    const result = (tool_use_id: string, text: string) => ({
      type: 'tool_result',
      tool_use_id,
      content: [{ type: 'text', text }],
    });
    expect(sent(conversation, 'anthropic')).toEqual({
      model: 'up-1',
      max_tokens: 64,
      stream: true,
      system: 'Be brief.',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          ],
        },
        { role: 'assistant', content: [{ type: 'text', text: 'I look' }, use('a', 'Bern'), use('b', 'Chur')] },
        { role: 'user', content: [result('a', 'rain'), result('b', 'sun')] },
      ],
      tools: [{ name: 'get_weather', input_schema: parameters, strict: true }],
      tool_choice: { type: 'any' },
      output_config: { effort: 'low', format: { type: 'json_schema', schema: { ...parameters, description: 'An x' } } },
    });
  });

  it.each<[string, object, BackendKind, string]>([
    ['a reference to an item', { input: [{ type: 'item_reference', id: 'x' }] }, 'openai', 'input[0].type'],
    [
      'a stored file',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
      'openai',
      'input[0].content[0].file_id',
    ],
    ['a choice of hosted tools', { tool_choice: { type: 'web_search' } }, 'openai', 'tool_choice'],
    ['probabilities', { top_logprobs: 2 }, 'openai', 'top_logprobs'],
    ['JSON without a schema', { text: { format: { type: 'json_object' } } }, 'anthropic', 'text.format'],
  ])('refuses %s by its name', (_name, rest, kind, param) => {
    expect(sent(rest, kind)).toMatchObject({ code: 'unsupported_field', param });
  });

  it('streams to the official client what an OpenAI-like backend says', async () => {
    const call = (index: number, rest: object) => ({ tool_calls: [{ index, ...rest }] });
    const bytes = chatBytes(
      [{ role: 'assistant', content: '' }],
      [{ reasoning_content: 'Two cities' }],
      [{ content: 'Let me ' }],
      [{ content: 'look 👋' }],
      [call(0, { id: 'call_a', function: { name: 'get_weather', arguments: '' } })],
      [call(0, { function: { arguments: '{"city":' } })],
      [call(0, { function: { arguments: '"Zürich"}' } })],
      [{}, 'tool_calls'],
    );
    const request = accepted(openAiResponses, { ...params, stream: true });
    const { before, closing } = expectSameAtEverySplit(openAiResponses, request, 'openai', bytes);
    expect(before).not.toContain('response.completed');
    const { response, types, numbers } = await read(before + closing);
    expect(response).toMatchObject({
      id: 'resp_req_1',
      object: 'response',
      status: 'completed',
      model: 'house/m',
      store: false,
      output_text: 'Let me look 👋',
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Two cities' }] },
        { type: 'message', status: 'completed', content: [{ type: 'output_text', text: 'Let me look 👋' }] },
        { type: 'function_call', call_id: 'call_a', name: 'get_weather', arguments: '{"city":"Zürich"}' },
      ],
      usage: { input_tokens: 19, input_tokens_details: { cached_tokens: 8 }, output_tokens: 30, cost: '0.000125' },
    });
    expect(types.filter((type) => type.startsWith('response.'))).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  it('streams to the official client what an Anthropic backend says', async () => {
    const request = accepted(openAiResponses, { ...params, stream: true });
    const bytes = corpus('anthropic/corpus/thinking-tools.txt');
    const { before, closing } = expectSameAtEverySplit(openAiResponses, request, 'anthropic', bytes);
    const { response } = await read(before + closing);
    expect(response.output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'Two cities' }] },
      { type: 'message', content: [{ text: 'Let me look.' }] },
      { type: 'function_call', call_id: 'toolu_01', name: 'get_weather', arguments: '{"city": "Zürich"}' },
      { type: 'function_call', call_id: 'toolu_02', name: 'now', arguments: '{}' },
    ]);
  });

  it.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ])('a finish of %s leaves the response incomplete', async (finish, reason) => {
    const request = accepted(openAiResponses, { ...params, stream: true });
    const { before, closing } = relayed(
      openAiResponses,
      request,
      'openai',
      chatBytes([{ content: 'x' }], [{}, finish]),
    );
    const { response } = await read(before + closing);
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason } });
  });

  it('tells a refusal as one', async () => {
    const request = accepted(openAiResponses, { ...params, stream: true });
    const bytes = chatBytes([{ refusal: 'I must ' }], [{ refusal: 'not' }], [{}, 'stop']);
    const { before, closing } = relayed(openAiResponses, request, 'openai', bytes);
    expect((await read(before + closing)).response.output).toMatchObject([
      { type: 'message', content: [{ type: 'refusal', refusal: 'I must not' }] },
    ]);
  });

  it.each<[BackendKind, object]>([
    [
      'openai',
      {
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 9, completion_tokens: 3 },
      },
    ],
    [
      'anthropic',
      {
        content: [{ type: 'text', text: 'Hi' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 9, output_tokens: 3 },
      },
    ],
  ])('answers the official client before %s', async (kind, said) => {
    const body = { ...params, instructions: 'Be brief.', tools: [tool], temperature: 0.5, max_output_tokens: 9 };
    server.json(answered(openAiResponses, accepted(openAiResponses, body), kind, { ...said }));
    expect(await client.responses.create(body)).toMatchObject({
      id: 'resp_req_1',
      status: 'completed',
      error: null,
      output_text: 'Hi',
      instructions: 'Be brief.',
      temperature: 0.5,
      max_output_tokens: 9,
      tools: [tool],
      usage: { input_tokens: 9, output_tokens: 3, total_tokens: 12, cost: '0.000125' },
    });
  });

  describe('a broken stream', () => {
    const options = { requestId: 'req_9' };
    const eventsOf = (text: string): Record<string, unknown>[] =>
      text
        .split('\n\n')
        .filter((frame) => frame !== '')
        .map((frame) => JSON.parse(frame.split('\ndata: ')[1] ?? ''));

    it('ends with its error and response.failed, which holds what was there', async () => {
      const stream = openAiResponses.relay(accepted(openAiResponses, { ...params, stream: true }), contextOf('openai'));
      const text =
        stream.push(chatBytes([{ content: 'x' }]).subarray(0, 120)) +
        stream.errorFrame?.('backend_interrupted', options);
      const events = eventsOf(text);
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
      expect(events.slice(-3)).toMatchObject([
        { type: 'response.output_item.done', item: { status: 'incomplete' } },
        { type: 'error', code: 'backend_interrupted' },
        {
          type: 'response.failed',
          response: {
            status: 'failed',
            error: { code: 'backend_interrupted' },
            output: [{ content: [{ text: 'x' }] }],
          },
        },
      ]);
      await expect(read(text)).rejects.toMatchObject({ code: 'backend_interrupted' });
    });

    it('has all of a stream, even if its backend never said a word', () => {
      const request = accepted(openAiResponses, { ...params, stream: true });
      const text = openAiResponses.errorFrame('backend_timeout', options, request, contextOf('anthropic'));
      expect(eventsOf(text).map(({ type }) => type)).toEqual([
        'response.created',
        'response.in_progress',
        'error',
        'response.failed',
      ]);
    });
  });
});
