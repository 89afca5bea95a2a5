import fastify, { type FastifyInstance } from 'fastify';
import { createMetrics } from '#telemetry';
import { storedDocument } from './documents';
import { Operations, OperationsServer, sharedFor } from './operations';

const DOCUMENT = 'a document '.repeat(100);

async function operations(rest: { readonly metricsToken?: string } = {}) {
  const counts = { metrics: 0, checks: 0 };
  const made = new Operations({
    metrics: createMetrics(),
    health: { version: '1', startedAt: 'then', phase: () => 'ready', now: () => 'now' },
    checks: async () => {
      counts.checks += 1;
      return { eventStore: { status: 'pass' } };
    },
    beforeMetrics: () => {
      counts.metrics += 1;
    },
    documents: [await storedDocument({ path: '/docs', type: 'text/html', bytes: Buffer.from(DOCUMENT) })],
    ...rest,
  });
  return { made, counts };
}

function serving(made: Operations): FastifyInstance {
  const server = fastify({ exposeHeadRoutes: false });
  for (const route of ['metrics', 'health', 'documents'] as const) made.serve(server, route);
  return server;
}

describe('what anybody may ask', () => {
  it('is made once for all who ask at the same time', async () => {
    const { made, counts } = await operations();
    const server = serving(made);
    const statuses = await Promise.all(
      ['/metrics', '/health/ready'].flatMap((url) =>
        Array.from({ length: 20 }, async () => (await server.inject({ url })).statusCode),
      ),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(counts).toEqual({ metrics: 1, checks: 1 });
  });

  it('is made again when it is old, and after a failure', async () => {
    let now = 0;
    let made = 0;
    const make = () => {
      made += 1;
      return made === 2 ? Promise.reject(new Error('once')) : Promise.resolve(made);
    };
    const shared = sharedFor(10, () => now, make);
    expect([await shared(), await shared()]).toEqual([1, 1]);
    now = 10;
    await expect(shared()).rejects.toThrow('once');
    expect(await shared()).toBe(3);
  });
});

describe('documents', () => {
  it('are the bytes that were made at the start, compressed where that is taken', async () => {
    const server = serving((await operations()).made);
    const plain = await server.inject({ url: '/docs' });
    expect([plain.statusCode, plain.body, plain.headers.vary]).toEqual([200, DOCUMENT, 'Accept-Encoding']);
    const packed = await server.inject({ url: '/docs', headers: { 'accept-encoding': 'br, gzip' } });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(packed.rawPayload.length).toBeLessThan(DOCUMENT.length / 2);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
    const refused = await server.inject({ url: '/docs', headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refused.body).toBe(DOCUMENT);
  });

  it.each(['W/', ''])('that a client has already are not sent again (%stag)', async (weak) => {
    const server = serving((await operations()).made);
    const { etag } = (await server.inject({ url: '/docs' })).headers;
    const again = await server.inject({ url: '/docs', headers: { 'if-none-match': `"other", ${weak}${etag}` } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const other = await server.inject({ url: '/docs', headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
  });

  it('may be asked for by HEAD', async () => {
    const answer = await serving((await operations()).made).inject({ method: 'HEAD', url: '/docs' });
    expect([answer.statusCode, answer.headers['content-length'], answer.body]).toEqual([200, `${DOCUMENT.length}`, '']);
  });
});

it('metrics may ask for a token, which nothing else opens', async () => {
  const server = serving((await operations({ metricsToken: 'a-token-of-metrics' })).made);
  const statusFor = async (authorization?: string) =>
    (await server.inject({ url: '/metrics', headers: authorization === undefined ? {} : { authorization } }))
      .statusCode;
  expect(await statusFor('Bearer a-token-of-metrics')).toBe(200);
  for (const wrong of [undefined, 'Bearer a-token', 'Basic a-token-of-metrics', 'a-token-of-metrics'])
    expect(await statusFor(wrong)).toBe(401);
});

it('the port of operations serves all of it and nothing else, with the headers of every answer', async () => {
  const { made } = await operations();
  const port = await OperationsServer.listen({ host: '127.0.0.1', port: 0, only: ['metrics'] }, made);
  try {
    for (const path of ['/metrics', '/health/live', '/docs']) {
      const answer = await fetch(`${port.url}${path}`);
      expect([path, answer.status, answer.headers.get('x-content-type-options')]).toEqual([path, 200, 'nosniff']);
      await answer.arrayBuffer();
    }
    const elsewhere = await fetch(`${port.url}/v1/models`);
    expect([elsewhere.status, await elsewhere.json()]).toEqual([404, expect.objectContaining({ code: 'not_found' })]);
  } finally {
    await port.close();
  }
});
