import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectionCaps, type ConnectionLimits } from './connection-caps';
import { canonicalTarget } from './request-target';

export interface GuardedServerOptions {
  readonly limits: ConnectionLimits;
  /** How long the head of a request may take. */
  readonly headMsMax: number;
  /** How long a whole request may take. */
  readonly requestMsMax: number;
  readonly keepAliveMs: number;
  /** How often the times of requests are looked at. Default: 5,000. */
  readonly checkEveryMs?: number;
}

/** Requests after the first that are passed over on one connection before it is ended without waiting for its answer. */
const PASSED_OVER_MAX = 16;
/** Bytes of bodies of such requests. */
const PASSED_OVER_BYTES_MAX = 64 * 1024;
/** How long what remains of a refused body is read and thrown away, so that its client gets to see the answer. */
const LINGER_MS_MAX = 10_000;

/** How long a client may take for an answer that is written, beside the time for its bytes. */
const TAKE_MS_MAX = 60_000;
const TAKE_BYTES_PER_SECOND_MIN = 16 * 1024;

const NO_ROOM = 'Too many connections are open. Close some, or try again in a moment.\n';
const NO_ROOM_ANSWER =
  'HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n' +
  `Connection: close\r\nContent-Length: ${NO_ROOM.length}\r\n\r\n${NO_ROOM}`;

interface Connection {
  /** The answer that is under way, or was the last. */
  answer?: ServerResponse;
  passedOver: number;
  passedOverBytes: number;
}

const wantsContinue = new WeakSet<IncomingMessage>();

/** Tells a client that has asked first to send its body now. Whoever reads a body calls it before. */
export function invitesBody(request: IncomingMessage, response: ServerResponse): void {
  if (wantsContinue.delete(request) && !response.headersSent) response.writeContinue();
}

/** Runs once when an answer is finished or cannot be any more; at once where that has been already. */
export function whenOver(response: ServerResponse, run: () => void): void {
  if (response.closed || response.destroyed) run();
  else response.once('close', run);
}

/**
 * One request at a time on a connection: what a client sends before it has the answer to its last request is not
 * looked at, and the connection ends with that answer. (RFC 9112 §9.3.2: such a client is to send it again.) So every
 * answer that anybody works on has its connection, and hears of its end.
 */
class OneAtATime {
  private readonly connections = new WeakMap<Socket, Connection>();

  constructor(
    private readonly handle: RequestListener,
    private readonly caps: ConnectionCaps,
  ) {}

  take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // The rest of what came together with the request that ended the connection. It may be thousands: each that is not
    // over by itself would be aborted by Node, with an error and the text of its stack.
    if (socket.destroyed) {
      request.destroy();
      return;
    }
    const connection = this.connections.get(socket) ?? { passedOver: 0, passedOverBytes: 0 };
    const { answer } = connection;
    if (answer !== undefined && !answer.writableFinished) {
      this.passOver(connection, answer, request);
      return;
    }
    connection.answer = response;
    this.connections.set(socket, connection);
    this.caps.nowBusy(socket);
    response.once('prefinish', () => awaitTaking(response));
    response.once('finish', () => discardRest(request));
    response.once('close', () => {
      if (!socket.destroyed) this.caps.nowIdle(socket);
    });
    request.url = canonicalTarget(request.url ?? '');
    this.handle(request, response);
  }

  private passOver(connection: Connection, answer: ServerResponse, request: IncomingMessage): void {
    const { socket } = request;
    if (connection.passedOver === 0) {
      answer.shouldKeepAlive = false;
      answer.once('finish', () => socket.destroySoon());
    }
    connection.passedOver += 1;
    if (connection.passedOver > PASSED_OVER_MAX) {
      socket.destroy();
      return;
    }
    // It has to be read on, since the end of a connection that nobody reads is noticed by nobody.
    request.on('data', (bytes: Buffer) => {
      connection.passedOverBytes += bytes.length;
      if (connection.passedOverBytes > PASSED_OVER_BYTES_MAX) socket.destroy();
    });
    request.on('error', () => undefined);
  }
}

/** An answer that is written and that nobody takes would keep its connection, and its bytes, for ever. */
function awaitTaking(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null || socket.writableLength === 0) return;
  const timeMs = TAKE_MS_MAX + (socket.writableLength / TAKE_BYTES_PER_SECOND_MIN) * 1_000;
  const timer = setTimeout(() => socket.destroy(), timeMs).unref();
  response.once('close', () => clearTimeout(timer));
}

/** After the answer: what is left of a body is thrown away, for a while, since a connection cut at once loses answers. */
function discardRest(request: IncomingMessage): void {
  if (request.complete) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS_MAX).unref();
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

/**
 * An HTTP server whose connections are counted, bring one request at a time and name paths in one way; every server of
 * the platform is made here. All headers are kept: dropping some would drop what a proxy has added last.
 */
export function createGuardedServer(handle: RequestListener, options: GuardedServerOptions): Server {
  const { limits, headMsMax, requestMsMax, keepAliveMs, checkEveryMs = 5_000 } = options;
  const caps = new ConnectionCaps(limits);
  const oneAtATime = new OneAtATime(handle, caps);
  const server = createServer(
    {
      headersTimeout: headMsMax,
      requestTimeout: requestMsMax,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: checkEveryMs,
    },
    (request, response) => oneAtATime.take(request, response),
  );
  // Their sizes together are bounded already.
  server.maxHeadersCount = 0;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    wantsContinue.add(request);
    oneAtATime.take(request, response);
  });
  // Of what else a client may expect, RFC 9110 §10.1.1 lets a server take no notice. The answer that would come otherwise
  // is nobody's: it passes over the rule of one request at a time, and has no headers of the platform.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    oneAtATime.take(request, response);
  });
  server.on('connection', (socket: Socket) => {
    if (!caps.take(socket)) socket.write(NO_ROOM_ANSWER, () => socket.destroy());
  });
  return server;
}
