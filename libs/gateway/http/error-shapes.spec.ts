import Fastify from 'fastify';
import type { EpochMs, RequestId } from '#kernel';
import { CallRunner } from '../calls/call-runner';
import type { CallDependencies, ModelDirectory } from '../calls/ports';
import { ActiveCalls } from './active-calls';
import type { CallReads } from './call-reads';
import { v1Plane } from './v1-plane';

/** A plane that knows no key: what is asked of it fails before anything behind it is needed. */
async function strangerPlane() {
  const calls = {} as CallDependencies;
  const server = Fastify();
  await server.register(
    v1Plane({
      runner: new CallRunner(calls),
      calls,
      authenticator: {
        authenticateKey: () => ({ ok: false, code: 'invalid_api_key' }),
        authenticationFailed: () => undefined,
      },
      models: {} as ModelDirectory,
      reads: {} as CallReads,
      clock: { now: () => 0 as EpochMs, monotonicMs: () => 0 },
      newRequestId: () => 'req_1' as RequestId,
      addressOf: () => '127.0.0.1',
      active: new ActiveCalls(() => undefined),
      isAdmitting: () => true,
      onUnexpected: (error) => {
        throw error;
      },
    }),
    { prefix: '/v1' },
  );
  return server;
}

describe('a failure before the call', () => {
  it.each([
    '/v1/chat/completions',
    '/v1/completions',
    '/v1/embeddings',
    '/v1/responses',
    '/v1/inference',
    '/v1/nothing',
  ])("has OpenAI's shape on %s", async (url) => {
    const server = await strangerPlane();
    const response = await server.inject({ method: 'POST', url, headers: { 'x-api-key': 'x' }, payload: {} });
    expect(response.statusCode).toBe(401);
    expect(response.json()).toMatchObject({ error: { code: 'invalid_api_key', request_id: 'req_1' } });
    expect(response.json()).not.toHaveProperty('type');
  });

  it.each(['/v1/messages', '/v1/messages/count_tokens'])("has Anthropic's shape on %s", async (url) => {
    const server = await strangerPlane();
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
