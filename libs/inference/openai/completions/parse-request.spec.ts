import { buildCompletionUpstream } from './build-upstream';
import { type CompletionRequest, parseCompletionRequest } from './parse-request';

const hello = { model: 'm', prompt: 'Grüße' };

function accepted(body: unknown): CompletionRequest {
  const parsed = parseCompletionRequest(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

function refusalOf(body: unknown) {
  const parsed = parseCompletionRequest(body);
  return parsed.ok ? undefined : parsed.refusal;
}

describe('parseCompletionRequest: what it learns', () => {
  it.each<[string, unknown, object[]]>([
    ['a text', 'Grüße', [{ textBytes: 7, tokenIds: 0 }]],
    [
      'texts',
      ['ab', ''],
      [
        { textBytes: 2, tokenIds: 0 },
        { textBytes: 0, tokenIds: 0 },
      ],
    ],
    ['tokens', [1, 2, 3], [{ textBytes: 0, tokenIds: 3 }]],
    ['lists of tokens', [[1, 2], [3]], [{ tokenIds: 2 }, { tokenIds: 1 }]],
  ])('prompts as %s, each bounded by itself', (_name, prompt, prompts) => {
    expect(accepted({ ...hello, prompt }).facts.prompts).toMatchObject(prompts);
  });

  it('outputs: the backend generates best_of per prompt and answers n of them', () => {
    const request = accepted({ ...hello, prompt: ['a', 'b'], n: 2, best_of: 5 });
    expect(request.facts.outputsPerPrompt).toBe(5);
    expect(request.choices).toBe(4);
  });

  it('the cap, the stream and the text that enters every prompt', () => {
    const request = accepted({ ...hello, prompt: ['a', 'b'], suffix: 'xyz', max_tokens: 9, stream: true });
    expect(request).toMatchObject({ stream: true, facts: { outputCap: 9 } });
    expect(request.facts.prompts.map(({ textBytes }) => textBytes)).toEqual([6, 6]);
  });

  it('what the answer will repeat', () => {
    expect(accepted({ ...hello, echo: true, n: 2 }).echoedBytes).toBe(14);
    expect(accepted({ ...hello, prompt: [1, 2], echo: true }).echoedBytes).toBe(0);
    expect(accepted(hello).echoedBytes).toBe(0);
  });
});

describe('parseCompletionRequest: refusals', () => {
  it.each<[string, unknown, string, string | null]>([
    ['a list', [], 'invalid_type', null],
    ['no prompt', { model: 'm' }, 'missing_required_parameter', 'prompt'],
    ['prompt null', { model: 'm', prompt: null }, 'invalid_type', 'prompt'],
    ['prompt empty', { model: 'm', prompt: [] }, 'invalid_value', 'prompt'],
    ['prompts of two kinds', { model: 'm', prompt: ['a', 1] }, 'invalid_type', 'prompt[1]'],
    ['tokens of two kinds', { model: 'm', prompt: [1, 'a'] }, 'invalid_type', 'prompt'],
    ['a token below 0', { model: 'm', prompt: [[1, -1]] }, 'invalid_type', 'prompt[0]'],
    ['an empty list of tokens', { model: 'm', prompt: [[1], []] }, 'invalid_value', 'prompt[1]'],
    ['too many prompts', { model: 'm', prompt: Array(2_049).fill('a') }, 'invalid_value', 'prompt'],
    ['best_of below n', { ...hello, n: 3, best_of: 2 }, 'invalid_value', 'best_of'],
    ['n 0', { ...hello, n: 0 }, 'invalid_value', 'n'],
    ['cap null', { ...hello, max_tokens: null }, 'invalid_type', 'max_tokens'],
    ['cap 0', { ...hello, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    ['cap negative', { ...hello, max_tokens: -1 }, 'invalid_value', 'max_tokens'],
    ["chat's cap", { ...hello, max_completion_tokens: 5 }, 'unsupported_field', 'max_completion_tokens'],
    ['a second prompt', { ...hello, messages: [] }, 'unsupported_field', 'messages'],
    ['a prompt in vectors', { ...hello, prompt_embeds: 'AAAA' }, 'unsupported_field', 'prompt_embeds'],
    ['echo a text', { ...hello, echo: 'yes' }, 'invalid_type', 'echo'],
    ['suffix a list', { ...hello, suffix: [] }, 'invalid_type', 'suffix'],
    ['half a surrogate pair', { ...hello, prompt: ['a', '\ud800'] }, 'invalid_unicode', 'prompt'],
    ['half a pair in user', { ...hello, user: '\ud800' }, 'invalid_unicode', 'user'],
    ['flex tier', { ...hello, service_tier: 'flex' }, 'unsupported_field', 'service_tier'],
  ])('%s', (_name, body, code, param) => {
    expect(refusalOf(body)).toMatchObject({ code, param });
  });

  it.each(['Prompt', 'bestOf', 'MAX_TOKENS', 'Echo', 'N'])('a key %s', (key) => {
    expect(refusalOf({ ...hello, [key]: 1 })?.code).toBe('ambiguous_field');
  });
});

describe('buildCompletionUpstream', () => {
  const backend = { streamUsage: true, dropFields: ['seed', 'prompt'] };

  it("writes the backend's model and the granted cap, and keeps the rest", () => {
    const request = accepted({ ...hello, logprobs: 3, seed: 1, max_tokens: 900 });
    expect(buildCompletionUpstream(request, { upstreamModel: 'up', backend, outputTokensCap: 8 })).toEqual({
      model: 'up',
      prompt: 'Grüße',
      logprobs: 3,
      max_tokens: 8,
    });
  });

  it('asks for usage in a stream where the backend knows how', () => {
    const request = accepted({ ...hello, stream: true });
    const target = { upstreamModel: 'up', outputTokensCap: 8 };
    expect(buildCompletionUpstream(request, { ...target, backend })).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(
      buildCompletionUpstream(request, { ...target, backend: { ...backend, streamUsage: false } }),
    ).not.toHaveProperty('stream_options');
  });
});
