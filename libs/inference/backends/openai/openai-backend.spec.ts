import type { Server } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { backendClientContract, bodyOf, receive, testBackend } from '../contract';
import { type Handler, httpHarness, startServer, stop, urlOf } from '../http-double';
import { ERROR_BODY_BYTES_MAX, STALE_AFTER_MS_MAX, type UpstreamCall } from '../port';
import { readBody } from '../read-body';
import { OpenAiBackendClient } from './openai-backend';

const noSecret = () => Promise.reject(new Error('no secret'));

backendClientContract('openai', () => httpHarness(new OpenAiBackendClient(noSecret)));

describe('OpenAiBackendClient', () => {
  let server: Server;
  let handler: Handler;
  let client: OpenAiBackendClient;
  let opened = 0;

  beforeAll(async () => {
    server = await startServer((...request) => handler(...request));
    client = new OpenAiBackendClient((secret) => {
      opened += 1;
      return secret.ciphertext === 'good' ? Promise.resolve('sk-1') : Promise.reject(new Error('erased'));
    });
  });
  afterAll(async () => {
    await client.close();
    await stop(server);
  });

  function call(rest: Partial<UpstreamCall> = {}): UpstreamCall {
    return {
      backend: testBackend(urlOf(server)),
      operation: 'chat',
      body: { model: 'm' },
      signal: new AbortController().signal,
      whyNotStart: () => undefined,
      ...rest,
    };
  }

  it('sends the body and its own few headers, and nothing else', async () => {
    let seen: { url?: string; headers?: object; body?: string } = {};
    handler = (response, request, body) => {
      seen = { url: request.url ?? '', headers: request.headers, body };
      response.end('{}');
    };
    const credential = { subject: 's', keyVersion: 1, ciphertext: 'good' };
    const backend = testBackend(urlOf(server), { credential });
    bodyOf(
      await client.open(call({ backend, traceparent: '00-1-2-03', body: { model: 'ü', stream: true } })),
    ).discard();
    expect(seen).toEqual({
      url: '/v1/chat/completions',
      body: '{"model":"ü","stream":true}',
      headers: {
        host: expect.any(String),
        connection: 'keep-alive',
        'content-type': 'application/json',
        'content-length': '28',
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'user-agent': 'aiaas',
        authorization: 'Bearer sk-1',
        traceparent: '00-1-2-03',
      },
    });
    bodyOf(await client.open(call({ backend, operation: 'embedding' }))).discard();
    expect(seen.url).toBe('/v1/embeddings');
    expect(opened).toBe(1);
  });

  it('keeps the query of a base URL', async () => {
    let url = '';
    handler = (response, request) => {
      url = request.url ?? '';
      response.end('{}');
    };
    const backend = testBackend(`${urlOf(server)}?api-version=1`);
    bodyOf(await client.open(call({ backend }))).discard();
    expect(url).toBe('/v1/chat/completions?api-version=1');
  });

  it('sends nothing when the credential cannot be opened', async () => {
    const backend = testBackend(urlOf(server), { credential: { subject: 's', keyVersion: 1, ciphertext: 'bad' } });
    expect(await client.open(call({ backend }))).toMatchObject({ failure: { kind: 'connect-failed' } });
  });

  it('reads three headers of the answer and no other', async () => {
    handler = (response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'x-request-id': 'up-7',
        'openai-organization': 'secret',
        'x-ratelimit-limit-requests': '5',
        'set-cookie': 'a=b',
        'retry-after': '2',
      });
      response.end('{}');
    };
    const response = await client.open(call());
    expect(response.kind === 'answer' && response.headers).toEqual({
      requestId: 'up-7',
      contentType: 'application/json',
      retryAfterMs: 2_000,
    });
  });

  it('what its answers say of the credential is taken out', async () => {
    const secret = 'sk-secret-0123456789';
    const own = new OpenAiBackendClient(() => Promise.resolve(secret));
    const credential = { subject: 's', keyVersion: 1, ciphertext: 'own' };
    const backend = testBackend(urlOf(server), { credential });
    handler = (response, { headers }) => {
      response.setHeader('x-request-id', `for ${secret}`);
      response.end(`{"error":{"message":"${headers.authorization}"},"choices":[]}`);
    };
    const answer = await own.open(call({ backend }));
    expect(answer).toMatchObject({ headers: { requestId: 'for [redacted]' } });
    const read = await readBody(bodyOf(answer), 1_000);
    expect(read).toMatchObject({ kind: 'text', text: expect.stringContaining(`Bearer ${'*'.repeat(20)}`) });
    handler = (response) => response.writeHead(400, { 'x-request-id': secret }).end('{}');
    const status = await own.open(call({ backend }));
    expect(status).toMatchObject({ kind: 'status', headers: { requestId: '[redacted]' } });
    expect(status.kind === 'status' && status.redact?.(`key ${secret}`)).toBe('key [redacted]');
    await own.close();
  });

  it('follows no redirect', async () => {
    handler = (response) => response.writeHead(302, { location: '/elsewhere' }).end();
    expect(await client.open(call())).toMatchObject({ kind: 'status', status: 302 });
  });

  it('reads only the beginning of a large error', async () => {
    handler = (response) => {
      response.statusCode = 500;
      response.end('x'.repeat(ERROR_BODY_BYTES_MAX + 50_000));
    };
    const response = await client.open(call());
    expect(response.kind === 'status' && response.body.length).toBe(ERROR_BODY_BYTES_MAX);
  });

  it('does not wait for an error that never ends', async () => {
    handler = (response) => {
      response.statusCode = 503;
      response.write('half of');
    };
    const timeouts = { connectMs: 1_000, firstByteMs: 400, idleMs: 1_000 };
    const response = await client.open(call({ backend: testBackend(urlOf(server), { timeouts }) }));
    expect(response).toMatchObject({ kind: 'status', status: 503, body: 'half of' });
  });

  it('headers alone are no first byte', async () => {
    handler = (response) => response.flushHeaders();
    const timeouts = { connectMs: 1_000, firstByteMs: 400, idleMs: 1_000 };
    const body = bodyOf(await client.open(call({ backend: testBackend(urlOf(server), { timeouts }) })));
    expect(await receive(body)).toEqual({ text: '', failure: { kind: 'first-byte-timeout' } });
  });

  it('a request that was written and lost is not proven unbilled', async () => {
    handler = (response) => response.socket?.destroy();
    expect(await client.open(call({ freshConnection: true }))).toMatchObject({ failure: { kind: 'connection-lost' } });
  });

  describe('a connection that is kept alive and reset', () => {
    let observed: Server;
    let resets: number;
    let afterMs: number;
    /** Requests that each connection has brought. */
    let connections: Map<Socket, number>;

    beforeEach(async () => {
      resets = 1;
      afterMs = 0;
      connections = new Map();
      // Resets the second request of a connection, before it says anything; so often as it is told to.
      observed = await startServer((response, { socket }) => {
        const requests = (connections.get(socket) ?? 0) + 1;
        connections.set(socket, requests);
        if (requests === 1 || resets === 0) {
          response.end('{}');
          return;
        }
        resets -= 1;
        setTimeout(() => socket.resetAndDestroy(), afterMs);
      });
    });
    afterEach(() => stop(observed));

    async function answer(rest: Partial<UpstreamCall> = {}) {
      const response = await client.open(call({ backend: testBackend(urlOf(observed)), ...rest }));
      if (response.kind === 'answer') await readBody(response.body, 1_000);
      return response;
    }

    /** A connection is free again a moment after its answer, so it may take a few calls until one is used twice. */
    async function untilReset() {
      let response = await answer();
      while (response.kind === 'answer') response = await answer();
      return response;
    }

    it('is known to be stale: it had served others, and went at once', async () => {
      expect(await untilReset()).toMatchObject({ failure: { kind: 'stale-connection' } });
      const used = connections.size;
      expect(await answer({ freshConnection: true })).toMatchObject({ kind: 'answer' });
      expect(connections.size).toBe(used + 1);
    });

    it('is lost with the call when the backend has had time to work on it', async () => {
      afterMs = STALE_AFTER_MS_MAX + 200;
      expect(await untilReset()).toMatchObject({ failure: { kind: 'connection-lost' } });
    });
  });

  it('an answer shorter than it promised is lost', async () => {
    handler = (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('short', () => response.socket?.destroy());
    };
    const read = await readBody(bodyOf(await client.open(call())), 1_000);
    expect(read).toMatchObject({ kind: 'failure', failure: { kind: 'connection-lost' } });
  });

  it('serves the next call on the connection of one that was released before its end', async () => {
    const observed = await startServer((response) => {
      response.write('data: [DONE]\n\n', () => setTimeout(() => response.end(), 5));
    });
    let connections = 0;
    observed.on('connection', () => {
      connections += 1;
    });
    const backend = testBackend(urlOf(observed));
    const rounds = 10;
    for (let round = 0; round < rounds; round += 1) {
      const body = bodyOf(await client.open(call({ backend })));
      await new Promise<void>((resolve) => {
        body.pipe({
          onChunk() {
            body.release();
            resolve();
            return true;
          },
          onEnd: () => undefined,
          onFailure: () => undefined,
        });
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    // On a busy machine the end of one may come after the next has begun.
    expect(connections).toBeLessThan(rounds);
    await stop(observed);
  });

  it('asks for permission when it is connected, right before it writes', async () => {
    const seen: string[] = [];
    const observed = await startServer((response) => {
      seen.push('request');
      response.end('{}');
    });
    observed.on('connection', () => seen.push('connection'));
    const backend = testBackend(urlOf(observed));
    let isAllowed = true;
    const whyNotStart = () => {
      seen.push('asked');
      return isAllowed ? undefined : ('lease-lost' as const);
    };
    const opening = client.open(call({ backend, whyNotStart }));
    isAllowed = false; // As in a process that is paused while it connects.
    expect(await opening).toEqual({ kind: 'failure', failure: { kind: 'not-started', reason: 'lease-lost' } });
    isAllowed = true;
    bodyOf(await client.open(call({ backend, whyNotStart }))).discard();
    expect(seen.filter((what) => what === 'request')).toHaveLength(1);
    expect(seen.filter((what) => what === 'asked')).toHaveLength(2);
    await stop(observed);
  });

  it('waits for a connection only so long, and sends nothing later', async () => {
    // Takes the connection, but never completes the TLS handshake.
    const mute = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const timeouts = { connectMs: 40, firstByteMs: 5_000, idleMs: 5_000 };
    const backend = testBackend(urlOf(mute, 'https'), { timeouts });
    const hasty = new OpenAiBackendClient(noSecret);
    expect(await hasty.open(call({ backend }))).toMatchObject({ failure: { kind: 'connect-failed' } });
    mute.close();
  });
});
