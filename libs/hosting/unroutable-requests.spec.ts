import { connect } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { systemClock, systemIdentifiers } from '#environment';
import { answerUnreadable, answerUnroutable } from './unroutable-requests';

const REQUEST_MS_MAX = 200;
const SLOW_ANSWER_MS = 3 * REQUEST_MS_MAX;

let server: FastifyInstance;
let port = 0;

beforeAll(async () => {
  const identifiers = systemIdentifiers(systemClock);
  server = fastify({
    // Node takes the longer of the two for the request.
    http: { connectionsCheckingInterval: 50, headersTimeout: REQUEST_MS_MAX },
    requestTimeout: REQUEST_MS_MAX,
    frameworkErrors: answerUnroutable(identifiers),
    clientErrorHandler: answerUnreadable(identifiers),
  });
  server.post('/v1/slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, SLOW_ANSWER_MS));
    return 'late';
  });
  server.get('/v1/stream', (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
    reply.raw.write('data: first\n\n');
  });
  server.post('/admin/v1/things', () => 'made');
  port = Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(() => server.close());

/** All that comes until the server hangs up; what is written `afterwards` follows the first byte of an answer. */
function exchange(request: string, afterwards?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let answer = '';
    socket.on('data', (bytes) => {
      if (answer === '' && afterwards !== undefined) socket.write(afterwards);
      answer += bytes.toString('utf8');
    });
    socket.on('close', () => resolve(answer));
    // The server hangs up on bytes that it will not read.
    socket.on('error', () => undefined);
  });
}

function parsed(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return {
    status: Number(head.split(' ')[1]),
    type: /content-type: (.*)/i.exec(head)?.[1],
    requestId: /x-request-id: (.*)/i.exec(head)?.[1],
    body: JSON.parse(body) as Record<string, unknown>,
  };
}

const HALF = 'Host: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"mod';

describe('a request that cannot be read', () => {
  it.each([
    ['no HTTP at all', '\x16\x03\x01 hello\r\n\r\n', 400, 'malformed_request'],
    [
      'two lengths',
      'POST /admin/v1/things HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      400,
      'malformed_request',
    ],
    ['endless headers', `GET /admin/v1/things HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`, 431, 'headers_too_large'],
    ['half a body, then silence', `POST /admin/v1/things HTTP/1.1\r\n${HALF}`, 408, 'request_timeout'],
  ])('is a problem: %s', async (_, request, status, code) => {
    const answer = parsed(await exchange(request));
    expect(answer).toMatchObject({ status, type: 'application/problem+json; charset=utf-8' });
    expect(answer.body).toMatchObject({ status, code, requestId: answer.requestId, detail: expect.any(String) });
    expect(answer.requestId).toMatch(/^req_/);
  });

  it.each([
    ['a bad header', 'GET /v1/models HTTP/1.1\r\nBad Header: x\r\n\r\n', 400, 'malformed_request'],
    ['a long path', `GET /v1/${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, 'headers_too_large'],
    ['half a body, then silence', `POST /v1/slow HTTP/1.1\r\n${HALF}`, 408, 'request_timeout'],
  ])("on /v1 has OpenAI's shape: %s", async (_, request, status, code) => {
    const answer = parsed(await exchange(request));
    expect(answer).toMatchObject({ status, type: 'application/json; charset=utf-8' });
    expect(answer.body).toEqual({
      error: expect.objectContaining({ code, message: expect.any(String), request_id: answer.requestId }),
    });
  });

  it('does not get into the middle of an answer', async () => {
    const answer = await exchange('GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n', 'garbage\r\n\r\n');
    expect(answer).toContain('data: first');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('is not one whose answer takes its time', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/slow`, { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([200, 'late']);
  });
});

describe('a path that cannot be decoded', () => {
  it.each([
    ['/v1/models/%zz', { error: { code: 'unsupported_route', request_id: expect.stringMatching(/^req_/) } }, 404],
    ['/v1/messages/%zz', { type: 'error', error: { type: 'not_found_error' } }, 404],
    ['/admin/v1/organizations/%zz', { code: 'malformed_url', requestId: expect.stringMatching(/^req_/) }, 400],
  ])('has the shape of its plane: %s', async (url, body, status) => {
    const answer = await server.inject({ url });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject(body);
  });
});
