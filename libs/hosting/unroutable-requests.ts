import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify';
import { answerFrameworkErrors } from '#admin-http';
import type { Identifiers } from '#environment';
import { SECURITY_HEADERS, securityHeaderLines } from '#http-edge';
import { canonicalTarget } from '#http-server';
import { anthropicErrorAnswer } from '#inference/anthropic';
import { errorAnswer } from '#inference/openai';

/**
 * How long a client may take to send a whole request: long enough for the largest body over a slow line, and short enough
 * that connections which send half a request and fall silent do not pile up. Answers are not limited by it.
 */
export const REQUEST_MS_MAX = 300_000;

/** How long it may take to send the head of a request; a connection that sends nothing is ended after it, too. */
export const HEAD_MS_MAX = 30_000;

interface Unreadable {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

function unreadableBy({ code }: ConnectionError): Unreadable {
  switch (code as string) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        code: 'request_timeout',
        message: 'The request did not arrive whole in time. Send it again.',
      };
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, code: 'headers_too_large', message: 'Path and headers are too large. Send less.' };
    default:
      return {
        status: 400,
        code: 'malformed_request',
        message: 'This is not a request of HTTP/1.1. Send a valid one.',
      };
  }
}

function isInference(path: string): boolean {
  return /^\/v1(?:[/?]|$)/.test(path);
}

/** How far into a packet its target is looked for; long enough for a scheme and a host before the path. */
const TARGET_BYTES_SHOWN = 512;

/** Where Node keeps the answer that is under way on a connection, and with it the request. */
type ServerSocket = Socket & { readonly _httpMessage?: ServerResponse & { readonly req?: IncomingMessage } };

/** The path of a request that could not be read to its end, as far as it is known. */
function pathOf({ rawPacket }: ConnectionError, socket: ServerSocket): string {
  const start = Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, TARGET_BYTES_SHOWN) : '';
  const [, target = ''] = /^[A-Z]+ (\S+)/.exec(start) ?? [];
  return socket._httpMessage?.req?.url ?? canonicalTarget(target);
}

function bodyOf({ status, code, message }: Unreadable, requestId: string, path: string): readonly [string, string] {
  if (isInference(path)) {
    const error = { message, type: 'invalid_request_error', code, param: null, request_id: requestId };
    return ['application/json; charset=utf-8', JSON.stringify({ error })];
  }
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, code, detail: message, requestId };
  return ['application/problem+json; charset=utf-8', JSON.stringify(problem)];
}

/** For Fastify's option `clientErrorHandler`: bytes that are no request get an answer in the shape of their plane. */
export function answerUnreadable(identifiers: Pick<Identifiers, 'id'>) {
  return (error: ConnectionError, socket: Socket): void => {
    if ((error.code as string) === 'ECONNRESET' || socket.destroyed) return;
    // An answer that has begun must not get another one into its middle.
    const hasBegun = (socket as ServerSocket)._httpMessage?.headersSent === true;
    if (socket.writable && !hasBegun) {
      const unreadable = unreadableBy(error);
      const requestId = identifiers.id('req');
      const [type, body] = bodyOf(unreadable, requestId, pathOf(error, socket));
      socket.write(
        `HTTP/1.1 ${unreadable.status} ${STATUS_CODES[unreadable.status]}\r\n` +
          `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
          `X-Request-Id: ${requestId}\r\n${securityHeaderLines()}Connection: close\r\n\r\n${body}`,
      );
    }
    socket.destroy(error);
  };
}

/** For Fastify's option `frameworkErrors`: what fails before any route is found, in the shape of its plane. */
export function answerUnroutable(identifiers: Pick<Identifiers, 'id'>) {
  const answerProblem = answerFrameworkErrors(identifiers);
  return (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    const { url = '' } = request.raw;
    if (!isInference(url)) {
      answerProblem(error, request, reply.headers(SECURITY_HEADERS));
      return;
    }
    const answerOf = url.startsWith('/v1/messages') ? anthropicErrorAnswer : errorAnswer;
    const { status, headers, body } = answerOf('unsupported_route', { requestId: identifiers.id('req') });
    void reply
      .code(status)
      .headers({ ...SECURITY_HEADERS, ...headers })
      .send(body);
  };
}
