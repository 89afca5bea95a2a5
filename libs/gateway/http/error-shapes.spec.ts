import { planeWith } from './spec-kit';

describe('a failure before the call', () => {
  it.each([
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/embeddings',
    '/v1/responses',
    '/v1/inference',
    '/v1/nothing',
  ])("has OpenAI's shape on %s", async (url) => {
    const server = await planeWith();
    const response = await server.inject({ method: 'POST', url, headers: { 'x-api-key': 'x' }, payload: {} });
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({ error: { code: 'invalid_api_key', request_id: 'req_1' } });
    expect(response.json()).not.toHaveProperty('type');
  });

  it.each(['/v1/models', '/v1/models/none', '/v1/nothing'])(
    'has the shape that is asked on %s, where clients of both kinds come',
    async (url) => {
      const server = await planeWith();
      const plain = await server.inject({ method: 'GET', url });
      expect(plain.json()).toMatchObject({ error: { code: 'missing_api_key', request_id: 'req_1' } });
      const asked = await server.inject({ method: 'GET', url, headers: { 'anthropic-version': '2023-06-01' } });
      expect(asked.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
    },
  );

  it("has OpenAI's shape on OpenAI's routes, whatever version a client names", async () => {
    const server = await planeWith();
    const headers = { 'anthropic-version': '2023-06-01' };
    const response = await server.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload: {} });
    expect(response.json()).not.toHaveProperty('type');
  });

  it.each(['/v1/messages', '/v1/messages/count_tokens'])("has Anthropic's shape on %s", async (url) => {
    const server = await planeWith();
    const response = await server.inject({ method: 'POST', url, payload: {} });
    expect(response.statusCode).toBe(401);
    expect(response.headers['request-id']).toBe('req_1');
    expect(response.json()).toMatchObject({
      type: 'error',
      error: { type: 'authentication_error', code: 'missing_api_key' },
      request_id: 'req_1',
    });
  });
});
