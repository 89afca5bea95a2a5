import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { Pool } from 'undici';
import { CALL_PATHS } from './target';

/**
 * What the platform is measured against: the same framework and the same client, passing calls through without
 * authentication, limits, metering or record. Takes the upstream's origin, prints its own port.
 */
async function start(origin: string): Promise<void> {
  const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 });
  const server = fastify({ requestTimeout: 0, keepAliveTimeout: 75_000 });
  const headers = { 'content-type': 'application/json', 'accept-encoding': 'identity' };
  for (const path of new Set(Object.values(CALL_PATHS)))
    server.post(path, async (request, reply) => {
      const call = request.body as { readonly stream?: boolean };
      const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(call) });
      reply.code(statusCode);
      if (call.stream === true) return reply.type('text/event-stream; charset=utf-8').send(body);
      return reply.type('application/json; charset=utf-8').send(await body.text());
    });
  await server.listen({ host: '127.0.0.1', port: 0 });
  process.send?.({ port: (server.server.address() as AddressInfo).port });
  process.on('disconnect', () => process.exit(0));
}

start(process.argv[2] ?? '').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
