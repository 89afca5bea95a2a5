import { once } from 'node:events';
import { connect } from 'node:net';
import { planeWith, someKey } from './spec-kit';

it('a client that leaves while it sends is no mistake of the platform', async () => {
  const unexpected: unknown[] = [];
  const server = await planeWith({
    authenticator: {
      authenticateKey: () => ({ ok: true, key: someKey() }),
      authenticationFailed: () => undefined,
    },
    onUnexpected: (error) => unexpected.push(error),
  });
  const answered = new Promise<number>((resolve) => {
    server.addHook('onSend', async (_request, reply) => resolve(reply.statusCode));
  });
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
