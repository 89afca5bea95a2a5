import { once } from 'node:events';
import { connect } from 'node:net';
import Fastify from 'fastify';
import type { ApiKeyId, EpochMs, OrganizationId, ProjectId, RequestId } from '#kernel';
import { CallRunner } from '../calls/call-runner';
import type { CallDependencies, ModelDirectory } from '../calls/ports';
import { ActiveCalls } from './active-calls';
import type { CallReads } from './call-reads';
import { v1Plane } from './v1-plane';

const key = {
  keyId: 'key_1' as ApiKeyId,
  orgId: 'org_1' as OrganizationId,
  projectId: 'prj_1' as ProjectId,
  scopes: ['inference'],
  allowsStoredAnswers: true,
} as const;

it('a client that leaves while it sends is no mistake of the platform', async () => {
  const calls = {} as CallDependencies;
  const unexpected: unknown[] = [];
  const server = Fastify();
  const answered = new Promise<number>((resolve) => {
    server.addHook('onSend', async (_request, reply) => resolve(reply.statusCode));
  });
  await server.register(
    v1Plane({
      runner: new CallRunner(calls),
      calls,
      authenticator: {
        authenticateKey: () => ({ ok: true, key }),
        authenticationFailed: () => undefined,
      },
      models: {} as ModelDirectory,
      reads: {} as CallReads,
      clock: { now: () => 0 as EpochMs, monotonicMs: () => 0 },
      newRequestId: () => 'req_1' as RequestId,
      addressOf: () => '127.0.0.1',
      active: new ActiveCalls(() => undefined),
      isAdmitting: () => true,
      onUnexpected: (error) => unexpected.push(error),
    }),
    { prefix: '/v1' },
  );
  const { hostname, port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), hostname);
  socket.write(
    'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer any\r\nExpect: 100-continue\r\n' +
      'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"model',
  );
  // The server has begun to read.
  await once(socket, 'data');
  socket.destroy();
  expect(await answered).toBe(400);
  expect(unexpected).toEqual([]);
  await server.close();
});
