import { inference } from './inference';
import { accepted, answered, expectSameAtEverySplit, targetOf } from './spec-kit';

const chat = {
  id: 'c1',
  model: 'up-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
};
const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, cost_usd: '0.000125', latency_ms: 12 };

function shown(body: object) {
  return JSON.parse(answered(inference, accepted(inference, body), 'openai', chat));
}

describe('POST /v1/inference', () => {
  it('a prompt is answered with text', () => {
    const body = { model: 'm', prompt: 'Hi', max_tokens: 9, temperature: 0.5 };
    expect(inference.buildUpstream(accepted(inference, body), targetOf('openai'))).toEqual({
      model: 'up-1',
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 64,
      temperature: 0.5,
    });
    expect(shown(body)).toEqual({
      id: 'req_1',
      model: 'm',
      choices: [{ text: 'Hello', index: 0, finish_reason: 'stop' }],
      usage,
    });
  });

  it('a conversation is answered with a message', () => {
    expect(shown({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })).toEqual({
      id: 'req_1',
      model: 'm',
      choices: [{ message: chat.choices[0]?.message, index: 0, finish_reason: 'stop' }],
      usage,
    });
  });

  it('a payload is answered under its own id', () => {
    const body = { request_id: 'r-1', model: 'm', payload: 'Hi', parameters: { max_tokens: 9 }, metadata: { a: 'b' } };
    expect(accepted(inference, body)).toMatchObject({
      facts: { outputCap: 9 },
      chat: { body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 } },
    });
    expect(shown(body)).toEqual({
      request_id: 'r-1',
      id: 'req_1',
      model: 'm',
      output: { text: 'Hello', message: chat.choices[0]?.message, finish_reason: 'stop' },
      usage: { tokens_input: 9, tokens_output: 3, latency_ms: 12, cost_usd: '0.000125' },
    });
  });

  it('a stream is a chat stream, whose last chunk tells the cost', () => {
    const chunk = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ id: 'c1', model: 'up-1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const bytes = Buffer.from(
      `${chunk({ content: 'Grüße' })}${chunk({}, 'stop')}data: ${JSON.stringify({ choices: [], usage: chat.usage })}\n\ndata: [DONE]\n\n`,
    );
    const request = accepted(inference, { model: 'm', prompt: 'Hi', stream: true });
    const { before, closing } = expectSameAtEverySplit(inference, request, 'openai', bytes);
    expect(before).toContain('Grüße');
    const [last, done] = closing.split('\n\n');
    expect(JSON.parse(last?.slice('data: '.length) ?? '')).toMatchObject({ id: 'req_1', choices: [], usage });
    expect(done).toBe('data: [DONE]');
  });

  it.each<[string, object, string, string | null]>([
    ['neither prompt nor messages', { model: 'm' }, 'missing_required_parameter', 'prompt'],
    ['both', { model: 'm', prompt: 'a', messages: [] }, 'conflicting_parameters', 'prompt'],
    ['a prompt that is no text', { model: 'm', prompt: ['a'] }, 'invalid_type', 'prompt'],
    ['half a surrogate pair', { model: 'm', prompt: '\ud800' }, 'invalid_unicode', 'prompt'],
    ['a look-alike', { model: 'm', Prompt: 'a' }, 'ambiguous_field', 'prompt'],
    [
      'a signature that nobody checks',
      { model: 'm', payload: 'a', hmac_signature: 'x' },
      'unsupported_field',
      'hmac_signature',
    ],
    [
      'a parameter twice',
      { model: 'm', payload: 'a', n: 1, parameters: { n: 2 } },
      'conflicting_parameters',
      'parameters.n',
    ],
    [
      'a hidden model',
      { model: 'm', payload: 'a', parameters: { model: 'x' } },
      'conflicting_parameters',
      'parameters.model',
    ],
    [
      'a look-alike in parameters',
      { model: 'm', payload: 'a', parameters: { maxTokens: 2 } },
      'ambiguous_field',
      'max_tokens',
    ],
    [
      'both caps',
      { model: 'm', prompt: 'a', max_tokens: 1, max_completion_tokens: 2 },
      'conflicting_parameters',
      'max_tokens',
    ],
    ['no model', { prompt: 'a' }, 'missing_required_parameter', 'model'],
  ])('refuses %s', (_name, body, code, param) => {
    expect(inference.parse(body)).toMatchObject({ ok: false, refusal: { code, param } });
  });
});
