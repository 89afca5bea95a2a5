import { NESTING_MAX } from '../../metering/text-bytes';
import { parseChatRequest } from './parse-request';
import type { ChatRequest, RequestRefusal } from './request';

const hello = { model: 'm', messages: [{ role: 'user', content: 'Grüße' }] };

function accepted(body: unknown): ChatRequest {
  const parsed = parseChatRequest(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

function refusalOf(body: unknown): RequestRefusal | undefined {
  const parsed = parseChatRequest(body);
  return parsed.ok ? undefined : parsed.refusal;
}

function promptOf(body: unknown) {
  return accepted(body).facts.prompts[0];
}

describe('parseChatRequest: what it learns', () => {
  it('the smallest request', () => {
    expect(accepted(hello)).toEqual({
      model: 'm',
      stream: false,
      includeUsage: false,
      facts: {
        prompts: [{ textBytes: 7, tokenIds: 0, messages: 1, tools: 0, images: 0, audios: 0, files: 0, otherParts: 0 }],
        outputsPerPrompt: 1,
      },
      unknownFields: [],
      body: hello,
    });
  });

  it("the client's cap and its field", () => {
    expect(accepted({ ...hello, max_tokens: 5 })).toMatchObject({
      outputCapField: 'max_tokens',
      facts: { outputCap: 5 },
    });
    expect(accepted({ ...hello, max_completion_tokens: 6 })).toMatchObject({
      outputCapField: 'max_completion_tokens',
      facts: { outputCap: 6 },
    });
  });

  it('how many outputs there may be', () => {
    expect(accepted({ ...hello, n: 3 }).facts.outputsPerPrompt).toBe(3);
    expect(accepted({ ...hello, n: 2, best_of: 5 }).facts.outputsPerPrompt).toBe(5);
    expect(accepted({ ...hello, n: null }).facts.outputsPerPrompt).toBe(1);
  });

  it('whether it streams, and with usage', () => {
    expect(accepted({ ...hello, stream: true, stream_options: { include_usage: true } })).toMatchObject({
      stream: true,
      includeUsage: true,
    });
    expect(accepted({ ...hello, stream: null, stream_options: null })).toMatchObject({
      stream: false,
      includeUsage: false,
    });
  });

  it('lets fields pass that cost nothing, and names those that it does not know', () => {
    const body = { ...hello, temperature: 0.5, seed: 1, store: true, service_tier: 'auto', modalities: ['text'] };
    expect(accepted(body).body).toBe(body);
    expect(
      accepted({ ...body, future: 1, nothing: null, thinking: { type: 'enabled', depth: 2 } }).unknownFields,
    ).toEqual(['future', 'thinking.depth']);
  });
});

describe('parseChatRequest: what counts as prompt', () => {
  it('text parts, names and tool calls', () => {
    expect(
      promptOf({ ...hello, messages: [{ role: 'user', content: [{ type: 'text', text: 'abcd' }] }] }),
    ).toMatchObject({ textBytes: 4, otherParts: 0 });
    const called = {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
    };
    expect(promptOf({ ...hello, messages: [called] })?.textBytes).toBeGreaterThanOrEqual(
      JSON.stringify(called.tool_calls).length - 4,
    );
  });

  it('tools, functions and schemas, and whatever else might get into it', () => {
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
    const extra = {
      tools,
      functions: [{ name: 'old' }],
      response_format: { type: 'json_object' },
      documents: ['something to read'],
    };
    const prompt = promptOf({ ...hello, ...extra });
    const bytes = Object.values(extra).reduce((sum, value) => sum + JSON.stringify(value).length, 7);
    expect(prompt).toMatchObject({ tools: 2 });
    expect(prompt?.textBytes).toBeGreaterThanOrEqual(bytes);
    expect(prompt?.textBytes).toBeLessThan(bytes + 30);
  });

  it('nothing that stays outside', () => {
    const outside = { user: 'someone', metadata: { a: 'b' }, stop: ['x'], logit_bias: { '1': 2 }, temperature: 1 };
    expect(promptOf({ ...hello, ...outside })?.textBytes).toBe(7);
  });

  it('media are counted by kind, and their data are no text', () => {
    const content = [
      { type: 'text', text: 'abc' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(500)}` } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { type: 'file', file: { file_id: 'f1' } },
      { type: 'video_url', video_url: { url: 'https://example.com' } },
      { type: 'hologram', text: 'abc' },
    ];
    expect(promptOf({ ...hello, messages: [{ role: 'user', content }] })).toMatchObject({
      textBytes: 6,
      images: 1,
      audios: 1,
      files: 1,
      otherParts: 2,
    });
  });

  it('media hidden in a text part, and an earlier spoken answer', () => {
    const content = [{ type: 'text', text: '', image_url: { url: 'https://example.com' } }];
    const messages = [
      { role: 'user', content },
      { role: 'assistant', content: null, audio: { id: 'a1' } },
    ];
    expect(promptOf({ ...hello, messages })).toMatchObject({ images: 1, audios: 1 });
  });

  it('a role that is a text of its own', () => {
    expect(promptOf({ ...hello, messages: [{ role: 'x'.repeat(100), content: '' }] })?.textBytes).toBe(102);
  });
});

/** Where backends that pass on to Anthropic look for `cache_control`, beside parts and tools. */
function dearCaches(): [string, object][] {
  const cache_control = { type: 'ephemeral', ttl: '1h' };
  const call = (fields: object, of: object) => ({
    id: 'a',
    type: 'function',
    ...fields,
    function: { name: 'f', ...of },
  });
  const said = (message: object) => ({ messages: [{ role: 'user', content: 'x' }, message] });
  return [
    ['a function', { tools: [{ type: 'function', function: { name: 'f', cache_control } }] }],
    ['a message', said({ role: 'user', content: 'x', cache_control })],
    ['a call', said({ role: 'assistant', tool_calls: [call({ cache_control }, {})] })],
    ['the function of a call', said({ role: 'assistant', tool_calls: [call({}, { cache_control })] })],
    ['a content without a list', said({ role: 'user', content: { type: 'text', text: 'x', cache_control } })],
    [
      'a part within a part',
      said({ role: 'tool', content: [{ type: 'tool_result', content: [{ type: 'text', text: 'x', cache_control }] }] }),
    ],
  ];
}

describe('parseChatRequest: refusals', () => {
  it.each<[string, unknown, string, string | null]>([
    ['a list', [], 'invalid_type', null],
    ['no model', { messages: hello.messages }, 'missing_required_parameter', 'model'],
    ['model a number', { ...hello, model: 1 }, 'invalid_type', 'model'],
    ['model empty', { ...hello, model: '' }, 'invalid_value', 'model'],
    ['no messages', { model: 'm' }, 'missing_required_parameter', 'messages'],
    ['messages a text', { ...hello, messages: 'hi' }, 'invalid_type', 'messages'],
    ['messages empty', { ...hello, messages: [] }, 'invalid_value', 'messages'],
    ['a message a text', { ...hello, messages: [{}, 'hi'] }, 'invalid_type', 'messages[1]'],
    ['stream a text', { ...hello, stream: 'true' }, 'invalid_type', 'stream'],
    ['stream_options a list', { ...hello, stream_options: [] }, 'invalid_type', 'stream_options'],
    [
      'include_usage a text',
      { ...hello, stream_options: { include_usage: 'yes' } },
      'invalid_type',
      'stream_options.include_usage',
    ],
    ['n 0', { ...hello, n: 0 }, 'invalid_value', 'n'],
    ['n 129', { ...hello, n: 129 }, 'invalid_value', 'n'],
    ['n 1.5', { ...hello, n: 1.5 }, 'invalid_value', 'n'],
    ['n a text', { ...hello, n: '2' }, 'invalid_type', 'n'],
    ['both caps', { ...hello, max_tokens: 1, max_completion_tokens: 1 }, 'conflicting_parameters', 'max_tokens'],
    ['cap null', { ...hello, max_tokens: null }, 'invalid_type', 'max_tokens'],
    ['cap 0', { ...hello, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    ['cap negative', { ...hello, max_completion_tokens: -1 }, 'invalid_value', 'max_completion_tokens'],
    ['cap fractional', { ...hello, max_tokens: 1.5 }, 'invalid_value', 'max_tokens'],
    ['cap a text', { ...hello, max_tokens: '5' }, 'invalid_type', 'max_tokens'],
    ['tools an object', { ...hello, tools: {} }, 'invalid_type', 'tools'],
    ['a hosted tool', { ...hello, tools: [{ type: 'web_search' }] }, 'unsupported_field', 'tools[0].type'],
    ['flex tier', { ...hello, service_tier: 'flex' }, 'unsupported_field', 'service_tier'],
    ['web search', { ...hello, web_search_options: {} }, 'unsupported_field', 'web_search_options'],
    ['prediction', { ...hello, prediction: { type: 'content', content: 'x' } }, 'unsupported_field', 'prediction'],
    ['spoken answers', { ...hello, modalities: ['text', 'audio'] }, 'unsupported_field', 'modalities'],
    ['another model', { ...hello, models: ['x'] }, 'unsupported_field', 'models'],
    [
      'a cache entry of an hour',
      {
        ...hello,
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
        ],
      },
      'unsupported_field',
      'messages',
    ],
    [
      'a cache entry of an hour for tools',
      { ...hello, tools: [{ type: 'function', function: {}, cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      'unsupported_field',
      'tools',
    ],
    ...dearCaches().map(([where, fields]): [string, object, string, string] => {
      const name = `a cache entry of an hour, asked for on ${where}`;
      return [name, { ...hello, ...fields }, 'unsupported_field', Object.keys(fields)[0] ?? ''];
    }),
    ['another maker', { ...hello, provider: { order: ['dear'] } }, 'unsupported_field', 'provider'],
    ['retrieval', { ...hello, data_sources: [{ type: 'azure_search' }] }, 'unsupported_field', 'data_sources'],
    ["instructions of the backend's own", { ...hello, safe_prompt: true }, 'unsupported_field', 'safe_prompt'],
    ['a template', { ...hello, chat_template: '{% for %}' }, 'unsupported_field', 'chat_template'],
  ])('%s', (_name, body, code, param) => {
    expect(refusalOf(body)).toMatchObject({ code, param });
  });

  it('but not a schema that has a member of that name', () => {
    const cache_control = { type: 'object', ttl: '1h' };
    const parameters = { type: 'object', properties: { cache_control } };
    expect(parseChatRequest({ ...hello, tools: [{ type: 'function', function: { name: 'f', parameters } }] }).ok).toBe(
      true,
    );
  });

  it.each(['Max_Tokens', 'MODEL', 'maxTokens', 'meſſages', 'max_to\u212aens', 'N', 'Service_Tier', 'Stream_Options'])(
    'a key %s, which some backends take for the field it resembles',
    (key) => {
      expect(refusalOf({ ...hello, [key]: 1 })?.code).toBe('ambiguous_field');
    },
  );

  it('a look-alike inside stream_options', () => {
    expect(refusalOf({ ...hello, stream_options: { Include_Usage: false } })).toMatchObject({
      code: 'ambiguous_field',
      param: 'stream_options.include_usage',
    });
  });

  it.each([
    ['a message', { ...hello, messages: [{ role: 'user', content: 'a\ud800' }] }, 'messages'],
    [
      'an image',
      { ...hello, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: '\udc00' } }] }] },
      'messages',
    ],
    ['a role', { ...hello, messages: [{ role: '\udc00' }] }, 'messages'],
    ['metadata', { ...hello, metadata: { a: '\ud800' } }, 'metadata'],
    ['the model', { ...hello, model: '\ud800' }, 'model'],
    ['a key', { ...hello, '\ud800': true }, '\ud800'],
  ])('half a surrogate pair in %s', (_name, body, param) => {
    expect(refusalOf(body)).toMatchObject({ code: 'invalid_unicode', param });
  });

  it('nesting without end', () => {
    let value: unknown = 1;
    for (let i = 0; i < 50_000; i += 1) value = { a: value };
    expect(refusalOf({ ...hello, tools: [{ type: 'function', function: value }] })?.code).toBe('nesting_too_deep');
    expect(refusalOf({ ...hello, messages: [{ role: 'user', content: value }] })?.message).toContain(`${NESTING_MAX}`);
  });
});
