import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BackendHarness, Behaviour } from './contract';
import type { BackendClient } from './port';

/** Answers one request of a backend double. */
export type Handler = (response: ServerResponse, request: IncomingMessage, body: string) => void;

export function startServer(handler: Handler): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => handler(response, request, body));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

export function urlOf(server: { address(): AddressInfo | string | null }, scheme = 'http'): string {
  const address = server.address();
  return typeof address === 'object' ? `${scheme}://127.0.0.1:${address?.port}/v1` : '';
}

export function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const BEHAVIOURS: Readonly<Record<Exclude<Behaviour, 'unreachable'>, (response: ServerResponse) => void>> = {
  answers(response) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ choices: [{ index: 0, message: { content: 'hi' } }] }));
  },
  streams(response) {
    const frames = ['data: {"a":1}\n\n', 'data: {"b":2}\n\n', 'data: [DONE]\n\n'];
    const next = () => {
      const frame = frames.shift();
      if (frame === undefined) response.end();
      else response.write(frame, () => setImmediate(next));
    };
    next();
  },
  rejects(response) {
    response.statusCode = 429;
    response.end('{"error":{"message":"slow down"}}');
  },
  silent() {},
  stalls(response) {
    response.write('data: {"a":1}\n\n');
  },
  breaks(response) {
    response.write('data: {"a":1}\n\n', () => setTimeout(() => response.socket?.destroy(), 5));
  },
};

/** The other side of the contract's suite for a kind that is spoken to over HTTP. */
export async function httpHarness(client: BackendClient): Promise<BackendHarness> {
  const server = await startServer((response, _request, body) => {
    const behaviour = JSON.parse(body).model as keyof typeof BEHAVIOURS;
    BEHAVIOURS[behaviour](response);
  });
  return {
    client,
    target: (behaviour) => ({
      // Nothing listens on the discard port.
      baseUrl: behaviour === 'unreachable' ? 'http://127.0.0.1:9/v1' : urlOf(server),
      model: behaviour,
    }),
    async close() {
      await client.close();
      await stop(server);
    },
  };
}
