import { parseBaseUrl } from './base-url';

describe('the base URL of a backend', () => {
  it.each([
    ['https://api.example.com/v1', 'https://api.example.com/v1'],
    ['https://api.example.com/v1//', 'https://api.example.com/v1'],
    ['https://API.example.com', 'https://api.example.com/v1'],
    ['https://api.example.com/', 'https://api.example.com/v1'],
    ['http://127.0.0.1:8000/llm/', 'http://127.0.0.1:8000/llm/v1'],
    ['https://api.example.com/openai', 'https://api.example.com/openai/v1'],
    ['https://api.example.com/v1beta/openai', 'https://api.example.com/v1beta/openai'],
    ['https://api.example.com/api/paas/v4', 'https://api.example.com/api/paas/v4'],
    ['https://x.example.com/openai/deployments/large', 'https://x.example.com/openai/deployments/large'],
    ['https://x.example.com/openai/v1/', 'https://x.example.com/openai/v1'],
  ])('%s is %s', (text, baseUrl) => expect(parseBaseUrl(text)).toEqual({ ok: true, baseUrl }));

  it.each([
    ['https://api.example.com/v1/chat/completions', 'https://api.example.com/v1'],
    ['https://api.example.com/v1/messages/', 'https://api.example.com/v1'],
    ['https://api.example.com/v1/models', 'https://api.example.com/v1'],
  ])('%s is refused, with what to write', (text, written) =>
    expect(parseBaseUrl(text)).toEqual({
      ok: false,
      message: expect.stringMatching(new RegExp(`write ${written}\\.$`)),
    }),
  );

  it.each([
    'ftp://api.example.com/v1',
    'api.example.com/v1',
    'https://user:word@api.example.com/v1',
    'https://api.example.com/v1?api-version=1',
    'https://api.example.com/v1?',
    'https://api.example.com/v1#top',
    `https://api.example.com/${'x'.repeat(500)}`,
    '',
  ])('"%s" is none', (text) => expect(parseBaseUrl(text)).toMatchObject({ ok: false }));
});
