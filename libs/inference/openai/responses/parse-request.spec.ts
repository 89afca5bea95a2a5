import { parseResponsesRequest, type ResponsesRequest } from './parse-request';

const hello = { model: 'm', input: 'Grüße' };

function accepted(body: unknown): ResponsesRequest {
  const parsed = parseResponsesRequest(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

function promptOf(body: unknown) {
  return accepted(body).facts.prompts[0];
}

describe('parseResponsesRequest: what it learns', () => {
  it('a text, with instructions and a cap', () => {
    expect(accepted({ ...hello, instructions: 'abc', max_output_tokens: 9, stream: true })).toMatchObject({
      stream: true,
      facts: { prompts: [{ textBytes: 10, messages: 2 }], outputsPerPrompt: 1, outputCap: 9 },
    });
  });

  it('items: messages, calls, their results, pictures and files', () => {
    const input = [
      { role: 'user', content: [{ type: 'input_text', text: 'abc' }] },
      { role: 'user', content: [{ type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(500)}` }] },
      { role: 'user', content: [{ type: 'input_file', filename: 'a.pdf', file_data: 'A'.repeat(500) }] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'c', output: 'rain' },
    ];
    const prompt = promptOf({ ...hello, input });
    expect(prompt).toMatchObject({ messages: 5, images: 1, files: 1, otherParts: 0 });
    expect(prompt?.textBytes).toBeGreaterThan('abca.pdfcf{"a":1}crain'.length);
    expect(prompt?.textBytes).toBeLessThan(500);
  });

  it('earlier reasoning is not passed on and does not count', () => {
    const input = [{ type: 'reasoning', id: 'rs', summary: [], encrypted_content: 'A'.repeat(999) }];
    expect(promptOf({ ...hello, input })).toMatchObject({ textBytes: 0, messages: 0 });
  });

  it('tools, with room for what carrying them over writes around them', () => {
    const tool = { type: 'function', name: 'weather', parameters: { type: 'object' }, strict: true };
    const asChat = JSON.stringify({ type: 'function', function: tool });
    const prompt = promptOf({ ...hello, tools: [tool] });
    expect(prompt).toMatchObject({ tools: 1 });
    expect(prompt?.textBytes).toBeGreaterThanOrEqual(asChat.length + 7);
  });

  it('lets pass what changes nothing', () => {
    const body = { ...hello, store: false, background: false, include: ['reasoning.encrypted_content'], metadata: {} };
    expect(
      accepted({ ...body, previous_response_id: null, truncation: 'disabled', service_tier: 'auto' }),
    ).toBeDefined();
  });
});

describe('parseResponsesRequest: refusals', () => {
  it.each<[string, object, string, string | null]>([
    ['no input', { model: 'm' }, 'missing_required_parameter', 'input'],
    ['input empty', { ...hello, input: [] }, 'invalid_value', 'input'],
    ['an item a text', { ...hello, input: ['a'] }, 'invalid_type', 'input[0]'],
    ['store', { ...hello, store: true }, 'unsupported_field', 'store'],
    ['an earlier response', { ...hello, previous_response_id: 'resp_1' }, 'unsupported_field', 'previous_response_id'],
    ['a conversation', { ...hello, conversation: 'conv_1' }, 'unsupported_field', 'conversation'],
    ['a stored prompt', { ...hello, prompt: { id: 'p' } }, 'unsupported_field', 'prompt'],
    ['background', { ...hello, background: true }, 'unsupported_field', 'background'],
    ['truncation', { ...hello, truncation: 'auto' }, 'unsupported_field', 'truncation'],
    ['file search', { ...hello, tools: [{ type: 'file_search' }] }, 'unsupported_field', 'tools[0].type'],
    ['a connector', { ...hello, tools: [{ type: 'mcp', server_url: 'x' }] }, 'unsupported_field', 'tools[0].type'],
    ['included sources', { ...hello, include: ['web_search_call.results'] }, 'unsupported_field', 'include[0]'],
    ['compaction', { ...hello, context_management: [] }, 'unsupported_field', 'context_management'],
    ["chat's cap", { ...hello, max_tokens: 5 }, 'unsupported_field', 'max_tokens'],
    ['a second prompt', { ...hello, messages: [] }, 'unsupported_field', 'messages'],
    ['cap 0', { ...hello, max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
    ['cap null', { ...hello, max_output_tokens: null }, 'invalid_type', 'max_output_tokens'],
    ['flex tier', { ...hello, service_tier: 'flex' }, 'unsupported_field', 'service_tier'],
    ['half a surrogate pair', { ...hello, input: '\ud800' }, 'invalid_unicode', 'input'],
  ])('%s', (_name, body, code, param) => {
    expect(parseResponsesRequest(body)).toMatchObject({ ok: false, refusal: { code, param } });
  });

  it.each(['Input', 'maxOutputTokens', 'STORE', 'Tools'])('a key %s', (key) => {
    expect(parseResponsesRequest({ ...hello, [key]: 1 })).toMatchObject({ refusal: { code: 'ambiguous_field' } });
  });
});
