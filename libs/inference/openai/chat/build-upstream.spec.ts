import type { OutputCapField } from '../../catalogue/types';
import { buildChatUpstream, hostsCapField } from './build-upstream';
import { parseChatRequest } from './parse-request';

interface Given {
  readonly baseUrl?: string;
  readonly outputCapField?: OutputCapField;
  readonly streamUsage?: boolean;
  readonly dropFields?: readonly string[];
}

function built(body: object, given: Given = {}) {
  const parsed = parseChatRequest({ model: 'house/m', messages: [{ role: 'user', content: 'hi' }], ...body });
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  return buildChatUpstream(parsed.request, {
    upstreamModel: 'up-1',
    outputTokensCap: 64,
    backend: {
      baseUrl: 'http://localhost/v1',
      streamUsage: true,
      dropFields: [],
      ...given,
    },
  });
}

describe('buildChatUpstream', () => {
  it("writes the backend's model and the granted cap, and keeps everything else", () => {
    expect(built({ temperature: 0.5, x: { y: [1] } })).toEqual({
      model: 'up-1',
      messages: [{ role: 'user', content: 'hi' }],
      temperature: 0.5,
      x: { y: [1] },
      max_tokens: 64,
    });
  });

  it('moves the cap into the one field that the backend reads', () => {
    const upstream = built({ max_tokens: 9_000 }, { outputCapField: 'max_completion_tokens' });
    expect(upstream).toMatchObject({ max_completion_tokens: 64 });
    expect(upstream).not.toHaveProperty('max_tokens');
    expect(built({ max_completion_tokens: 7 }, { outputCapField: 'max_tokens' })).not.toHaveProperty(
      'max_completion_tokens',
    );
  });

  it("keeps the field of the client's cap, else takes the one that the host is known to want", () => {
    expect(built({ max_completion_tokens: 9_000 })).toMatchObject({ max_completion_tokens: 64 });
    expect(built({ max_completion_tokens: 9_000 })).not.toHaveProperty('max_tokens');
    expect(built({ max_tokens: 9_000 }, { baseUrl: 'https://api.openai.com/v1' })).toMatchObject({
      max_tokens: 64,
    });
    expect(built({})).toMatchObject({ max_tokens: 64 });
    expect(built({}, { baseUrl: 'https://api.openai.com/v1' })).toMatchObject({ max_completion_tokens: 64 });
  });

  it.each([
    ['https://api.openai.com/v1', 'max_completion_tokens'],
    ['https://eu.api.openai.com/v1', 'max_completion_tokens'],
    ['https://acme.openai.azure.com/openai/v1', 'max_completion_tokens'],
    ['https://api.mistral.ai/v1', 'max_tokens'],
    ['https://api.openai.com.example/v1', 'max_tokens'],
    ['http://127.0.0.1:8000/v1', 'max_tokens'],
  ])('%s wants %s', (baseUrl, field) => expect(hostsCapField(baseUrl)).toBe(field));

  it('always asks for usage in a stream', () => {
    expect(built({ stream: true })).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(
      built({ stream: true, stream_options: { include_usage: false, include_obfuscation: false } }).stream_options,
    ).toEqual({ include_usage: true, include_obfuscation: false });
    expect(built({})).not.toHaveProperty('stream_options');
  });

  it('never asks a backend that does not know the option', () => {
    expect(built({ stream: true, stream_options: { include_usage: true } }, { streamUsage: false })).not.toHaveProperty(
      'stream_options',
    );
  });

  it('leaves out what the backend rejects, but never what we meter by', () => {
    const upstream = built({ seed: 1, user: 'x' }, { dropFields: ['seed', 'messages', 'model', 'max_tokens'] });
    expect(upstream).toEqual({
      model: 'up-1',
      messages: [{ role: 'user', content: 'hi' }],
      user: 'x',
      max_tokens: 64,
    });
  });

  it("leaves the client's body as it is", () => {
    const body = { stream: true, stream_options: { include_usage: false }, max_tokens: 5 };
    const before = structuredClone(body);
    built(body, { outputCapField: 'max_completion_tokens' });
    expect(body).toEqual(before);
  });
});
