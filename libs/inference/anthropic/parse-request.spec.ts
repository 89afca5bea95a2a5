import { type MessagesRequest, parseCountTokensRequest, parseMessagesRequest } from './parse-request';

const hello = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Grüße' }] };

function accepted(body: unknown): MessagesRequest {
  const parsed = parseMessagesRequest(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

function promptOf(body: unknown) {
  return accepted(body).facts.prompts[0];
}

function saying(...content: unknown[]) {
  return { ...hello, messages: [{ role: 'user', content }] };
}

describe('parseMessagesRequest: what it learns', () => {
  it('the smallest request', () => {
    expect(accepted(hello)).toMatchObject({
      model: 'm',
      stream: false,
      facts: { prompts: [{ textBytes: 7, messages: 1, tools: 0 }], outputsPerPrompt: 1, outputCap: 100 },
      body: hello,
    });
  });

  it('lets fields pass that it does not know, and defaults of those without a price', () => {
    const body = { ...hello, top_k: 3, service_tier: 'auto', speed: 'standard', thinking: { type: 'adaptive' } };
    expect(accepted(body).body).toBe(body);
  });
});

describe('parseMessagesRequest: what counts as prompt', () => {
  it('instructions, as text or in blocks', () => {
    expect(promptOf({ ...hello, system: 'abc' })).toMatchObject({ textBytes: 10, messages: 2 });
    expect(promptOf({ ...hello, system: [{ type: 'text', text: 'abc' }] })).toMatchObject({ textBytes: 11 });
  });

  it('media by kind, whose data are no text', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(500) };
    const pdf = { type: 'document', source: { ...source, media_type: 'application/pdf' } };
    const prompt = promptOf(saying({ type: 'image', source }, pdf, { type: 'hologram' }));
    expect(prompt).toMatchObject({ images: 1, files: 1, otherParts: 1, textBytes: 3 });
  });

  it('documents that are text', () => {
    const plain = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'abcdef' } };
    const blocks = { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'abcdef' }] } };
    expect(promptOf(saying(plain))).toMatchObject({ textBytes: 8, files: 0 });
    expect(promptOf(saying(blocks))).toMatchObject({ textBytes: 8, files: 0 });
  });

  it('images inside the result of a tool', () => {
    const content = [{ type: 'image', source: { type: 'url', url: 'https://example.com/x.png' } }];
    expect(promptOf(saying({ type: 'tool_result', tool_use_id: 't', content }))).toMatchObject({ images: 1 });
  });

  it('tools and calls, with room for what carrying them over writes around them', () => {
    const tool = { name: 'weather', description: 'x', input_schema: { type: 'object' } };
    const use = { type: 'tool_use', id: 't', name: 'weather', input: { city: 'Zürich' } };
    const prompt = promptOf({ ...hello, tools: [tool], messages: [{ role: 'assistant', content: [use] }] });
    expect(prompt).toMatchObject({ tools: 1 });
    const asChat = JSON.stringify({ type: 'function', function: { ...tool, parameters: tool.input_schema } });
    const asCall = JSON.stringify({ id: 't', function: { name: 'weather', arguments: JSON.stringify(use.input) } });
    expect(prompt?.textBytes).toBeGreaterThanOrEqual(Buffer.byteLength(asChat + asCall) - '"input_schema":{}'.length);
  });
});

describe('parseMessagesRequest: refusals', () => {
  const ttl = { type: 'ephemeral', ttl: '1h' };
  it.each<[string, unknown, string, string | null]>([
    ['a list', [], 'invalid_type', null],
    ['no messages', { model: 'm', max_tokens: 1 }, 'missing_required_parameter', 'messages'],
    ['messages empty', { ...hello, messages: [] }, 'invalid_value', 'messages'],
    ['a message a text', { ...hello, messages: ['hi'] }, 'invalid_type', 'messages[0]'],
    ['no cap', { ...hello, max_tokens: undefined }, 'missing_required_parameter', 'max_tokens'],
    ['cap 0', { ...hello, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    ['cap null', { ...hello, max_tokens: null }, 'invalid_type', 'max_tokens'],
    ['cap fractional', { ...hello, max_tokens: 1.5 }, 'invalid_value', 'max_tokens'],
    ['a second cap', { ...hello, max_completion_tokens: 9 }, 'unsupported_field', 'max_completion_tokens'],
    ['several answers', { ...hello, n: 2 }, 'unsupported_field', 'n'],
    ['system a number', { ...hello, system: 1 }, 'invalid_type', 'system'],
    ['stream a text', { ...hello, stream: 'yes' }, 'invalid_type', 'stream'],
    ['a hosted tool', { ...hello, tools: [{ type: 'web_search_20250305' }] }, 'unsupported_field', 'tools[0].type'],
    ['tools an object', { ...hello, tools: {} }, 'invalid_type', 'tools'],
    ['fast mode', { ...hello, speed: 'fast' }, 'unsupported_field', 'speed'],
    ['another region', { ...hello, inference_geo: 'us' }, 'unsupported_field', 'inference_geo'],
    ['a container', { ...hello, container: 'c' }, 'unsupported_field', 'container'],
    ['connectors', { ...hello, mcp_servers: [] }, 'unsupported_field', 'mcp_servers'],
    ['a dear cache', { ...hello, cache_control: ttl }, 'unsupported_field', 'cache_control.ttl'],
    [
      'a dear cache in a block',
      saying({ type: 'text', text: 'a' }, { type: 'text', text: 'b', cache_control: ttl }),
      'unsupported_field',
      'messages[0].content[1].cache_control.ttl',
    ],
    [
      'a dear cache in a tool',
      { ...hello, tools: [{ name: 'f', cache_control: ttl }] },
      'unsupported_field',
      'tools[0].cache_control.ttl',
    ],
    [
      'a dear cache of a message',
      { ...hello, messages: [{ role: 'user', content: 'a', cache_control: ttl }] },
      'unsupported_field',
      'messages[0].cache_control.ttl',
    ],
    [
      'a dear cache in what a tool shows',
      saying({ type: 'tool_result', tool_use_id: 'a', content: { type: 'text', text: 'a', cache_control: ttl } }),
      'unsupported_field',
      'messages[0].content[0].content.cache_control.ttl',
    ],
    [
      'a dear cache within a tool',
      { ...hello, tools: [{ name: 'f', function: { cache_control: ttl } }] },
      'unsupported_field',
      'tools[0].function.cache_control.ttl',
    ],
    ['half a surrogate pair', saying({ type: 'text', text: '\ud800' }), 'invalid_unicode', 'messages'],
    [
      'half a pair in arguments',
      saying({ type: 'tool_use', id: 'a', name: 'b', input: { a: '\ud800' } }),
      'invalid_unicode',
      'messages',
    ],
  ])('%s', (_name, body, code, param) => {
    expect(parseMessagesRequest(body)).toMatchObject({ ok: false, refusal: { code, param } });
  });

  it('but not arguments and schemas that have a member of that name', () => {
    const tools = [{ name: 'f', input_schema: { type: 'object', properties: { cache_control: ttl } } }];
    const use = { type: 'tool_use', id: 'a', name: 'f', input: { cache_control: ttl } };
    expect(parseMessagesRequest({ ...saying(use), tools })).toMatchObject({ ok: true });
  });

  it.each(['Max_Tokens', 'maxTokens', 'SYSTEM', 'Cache_Control', 'Stream'])('a key %s', (key) => {
    expect(parseMessagesRequest({ ...hello, [key]: 1 })).toMatchObject({ refusal: { code: 'ambiguous_field' } });
  });

  it('nesting without end', () => {
    let value: unknown = 1;
    for (let i = 0; i < 50_000; i += 1) value = { a: value };
    for (const body of [
      saying({ type: 'text', text: value }),
      saying({ type: 'tool_use', input: value }),
      { ...hello, tools: [{ name: 'f', input_schema: value }] },
      { ...hello, metadata: value },
    ])
      expect(parseMessagesRequest(body)).toMatchObject({ refusal: { code: 'nesting_too_deep' } });
  });

  it('blocks inside blocks without end', () => {
    let block: unknown = { type: 'text', text: 'x' };
    for (let i = 0; i < 50_000; i += 1) block = { type: 'tool_result', content: [block] };
    expect(parseMessagesRequest(saying(block))).toMatchObject({ refusal: { code: 'nesting_too_deep' } });
  });
});

describe('tools in mid-conversation', () => {
  const tool = { name: 'look', input_schema: { type: 'object' } };
  const with_ = (...content: unknown[]) => ({ ...hello, tools: [tool], messages: [{ role: 'system', content }] });

  it('that the request lists count once more, and fill no unknown part', () => {
    const addition = { type: 'tool_addition', tool: { type: 'tool_reference', name: 'look' } };
    const one = promptOf(with_({ type: 'text', text: '' }));
    const two = promptOf(with_({ type: 'text', text: '' }, addition));
    expect(two?.otherParts).toBe(0);
    expect(Number(two?.textBytes) - Number(one?.textBytes)).toBeGreaterThan(JSON.stringify(tool).length);
  });

  it.each([
    [{ type: 'tool_definition', definition: { type: 'web_search_20250305', name: 'web_search' } }],
    [{ type: 'mcp_toolset_reference', server: 's' }],
    [undefined],
  ])('named in any other way are refused: %j', (named) => {
    expect(parseMessagesRequest(with_({ type: 'tool_addition', tool: named }))).toMatchObject({
      refusal: { code: 'unsupported_field', param: 'messages[0].content[0].tool.type' },
    });
  });
});

describe('context_management', () => {
  const managed = (...types: string[]) => ({
    ...hello,
    context_management: { edits: types.map((type) => ({ type, keep: 'all' })) },
  });

  it('that only shortens the prompt passes, and is no prompt itself', () => {
    const body = managed('clear_thinking_20251015', 'clear_tool_uses_20250919');
    expect(promptOf(body)).toEqual(promptOf(hello));
    expect(accepted({ ...hello, context_management: null }).unknownFields).toEqual([]);
  });

  it('that has the model sum up what was said is refused', () => {
    expect(parseMessagesRequest(managed('clear_thinking_20251015', 'compact_20260112'))).toMatchObject({
      refusal: { code: 'unsupported_field', param: 'context_management.edits[1].type' },
    });
    expect(parseMessagesRequest({ ...hello, context_management: { edits: [1] } }).ok).toBe(false);
    expect(parseMessagesRequest({ ...hello, context_management: [] }).ok).toBe(false);
  });
});

describe('parseCountTokensRequest', () => {
  const { max_tokens: _cap, ...uncapped } = hello;

  it('counts the prompt that the same message has, without needing its cap', () => {
    const rest = { system: 'Be brief.', tools: [{ name: 'weather', input_schema: { type: 'object' } }] };
    const parsed = parseCountTokensRequest({ ...uncapped, ...rest });
    const prompt = promptOf({ ...hello, ...rest });
    expect(parsed).toEqual({
      ok: true,
      request: { model: 'm', facts: { prompts: [prompt], outputsPerPrompt: 0 }, unknownFields: [] },
    });
  });

  it.each<[string, unknown, string, string | null]>([
    ['a text', 'hi', 'invalid_type', null],
    ['no model', { messages: hello.messages }, 'missing_required_parameter', 'model'],
    ['no messages', { model: 'm' }, 'missing_required_parameter', 'messages'],
    ['a cap that is none', { ...hello, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    [
      'a tool of the backend',
      { ...uncapped, tools: [{ type: 'bash_20250124' }] },
      'unsupported_field',
      'tools[0].type',
    ],
  ])('refuses %s as the message itself would be', (_name, body, code, param) => {
    expect(parseCountTokensRequest(body)).toMatchObject({ ok: false, refusal: { code, param } });
  });
});
