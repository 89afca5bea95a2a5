import type { FastifyInstance } from 'fastify';
import { RequestRates, type ThrottledRequest } from '#http-edge';
import { ERROR_CODES } from '#inference/openai';
import type { ApiKeyId } from '#kernel';
import type { ModelDirectory } from '../calls/ports';
import { INVALID, planeWith, someKey } from './spec-kit';

const BURST = 20;

/** A plane whose keys are their own secrets; each may be refused, or ask for nothing, twice a second. */
async function plane() {
  const clock = { ms: 0 };
  const throttled: ThrottledRequest[] = [];
  const failures: (readonly [string, string | undefined])[] = [];
  const server = await planeWith({
    authenticator: {
      authenticateKey: (secret) =>
        secret.startsWith('key_') ? { ok: true, key: someKey({ keyId: secret as ApiKeyId, scopes: [] }) } : INVALID,
      authenticationFailed: (_address, code, keyId) => failures.push([code, keyId]),
    },
    models: { callableModels: () => [] } as unknown as ModelDirectory,
    rates: new RequestRates({
      refusedPerSecond: 2,
      freePerSecond: 2,
      clock: { monotonicMs: () => clock.ms },
      onThrottled: (what) => throttled.push(what),
    }),
  });
  return { server, clock, throttled, failures };
}

async function statuses(server: FastifyInstance, times: number, key: string, url = '/v1/chat/completions') {
  const seen: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const method = url === '/v1/models' ? 'GET' : 'POST';
    seen.push((await server.inject({ method, url, headers: { 'x-api-key': key } })).statusCode);
  }
  return seen;
}

const all = (status: number, times: number) => Array.from({ length: times }, () => status);

describe('requests that are nobody’s', () => {
  it('are refused in short once there were many from their address, until time has passed', async () => {
    const { server, clock, throttled, failures } = await plane();
    expect(await statuses(server, BURST + 2, 'wrong')).toEqual([...all(401, BURST), 429, 429]);
    const answer = await server.inject({ url: '/v1/models' });
    expect([answer.statusCode, answer.headers['retry-after'], answer.headers.connection]).toEqual([429, '1', 'close']);
    expect(answer.json()).toMatchObject({ error: { code: 'too_many_requests', request_id: 'req_1' } });
    // What was refused in short is not told one by one.
    expect([failures.length, throttled.length]).toEqual([BURST, 3]);
    clock.ms = 500;
    expect(await statuses(server, 2, 'wrong')).toEqual([401, 429]);
  });

  it('never stand in the way of a key from the same address', async () => {
    const { server } = await plane();
    await statuses(server, BURST + 2, 'wrong');
    expect(await statuses(server, 1, 'key_1')).toEqual([403]);
  });

  it('are not looked up with the other gateways any more', async () => {
    let looked = 0;
    const server = await planeWith({
      authenticator: {
        authenticateKey: () => INVALID,
        authenticationFailed: () => undefined,
        lookFor: async () => {
          looked += 1;
          return true;
        },
      },
      rates: new RequestRates({ refusedPerSecond: 1, freePerSecond: 1, clock: { monotonicMs: () => 0 } }),
    });
    await statuses(server, 50, 'wrong');
    expect(looked).toBe(10);
  });
});

describe('a key', () => {
  it('that is refused very often has to slow down, and no other with it', async () => {
    const { server, clock, throttled, failures } = await plane();
    expect(await statuses(server, BURST + 1, 'key_1')).toEqual([...all(403, BURST), 429]);
    expect(failures).toEqual(Array.from({ length: BURST }, () => ['insufficient_scope', 'key_1']));
    expect(await statuses(server, 1, 'key_2')).toEqual([403]);
    clock.ms = 1_000;
    expect(await statuses(server, 3, 'key_1')).toEqual([403, 403, 429]);
    expect(throttled).toEqual(['refused', 'refused']);
  });

  it('that asks very often for what runs no model has to slow down, too', async () => {
    const { server, throttled } = await plane();
    expect(await statuses(server, BURST + 1, 'key_1', '/v1/models')).toEqual([...all(200, BURST), 429]);
    expect(throttled).toEqual(['free']);
    // Its calls are another matter.
    expect(await statuses(server, 1, 'key_1')).toEqual([403]);
  });

  it.each(['/v1/preflight', '/v1/messages/count_tokens', '/v1/nothing'])(
    'on %s counts as one that runs no model',
    async (url) => {
      const { server, throttled } = await plane();
      // Refused requests are counted as well: of these there may be as many.
      await statuses(server, BURST + 1, 'key_1', '/v1/models');
      expect(await statuses(server, 1, 'key_1', url)).toEqual([429]);
      expect(throttled).toEqual(['free', 'free']);
    },
  );
});

it('a refusal for the rate is one that clients repeat', () => {
  expect(ERROR_CODES.too_many_requests).toMatchObject({ status: 429, retryable: true });
});
