import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BodyFailure,
  type BodyLimits,
  BodyMemory,
  type ConnectionLimits,
  createGuardedServer,
  invitesBody,
  receiveBody,
  whenOver,
} from '#http-server';
import type { BootId, Clock, OrganizationId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome } from '#ledger';
import { decodeRequest, encodeAnswer, type ForwardRequest, MalformedMessageError, parseCommandsPath } from './messages';
import { NonceMemory } from './nonce-memory';
import {
  digestOf,
  HEADERS,
  isSameSignature,
  type PeerKey,
  type SignedRequest,
  signAnswer,
  signRequest,
} from './signatures';

export interface PeerServerOptions {
  readonly self: BootId;
  readonly peerKey: PeerKey;
  readonly clock: Clock;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Records what a peer asks for; one outcome for each command, in their order. */
  readonly takeForwarded: (
    orgId: OrganizationId,
    commands: readonly ForwardedCommand[],
    timeoutMs: number,
  ) => Promise<readonly ForwardedOutcome[]>;
  readonly onProblem: (problem: Error) => void;
  /** Default: 1,000 connections, 512 of one address. */
  readonly limits?: ConnectionLimits;
  /** Default: 2,000,000. */
  readonly bodyBytesMax?: number;
  /** Requests under way. Default: 256. */
  readonly requestsMax?: number;
  /** Default: 100,000. */
  readonly noncesMax?: number;
  /** How long `close` waits for requests under way. Default: 5,000. */
  readonly closeMsMax?: number;
}

/** A request older, or further ahead, than this is refused. */
export const REQUEST_AGE_MS_MAX = 30_000;

const LIMITS: ConnectionLimits = { connectionsMax: 1_000, connectionsPerAddressMax: 512 };
/** How long a stranger may take to send a request. */
const REQUEST_MS_MAX = 10_000;
/** Longer than clients keep a connection, so that none sends on one that is just being closed. */
const KEEP_ALIVE_MS = 65_000;
/** Strangers are reported at most once in this time, so that nobody can flood the log. */
const REPORT_EVERY_MS = 60_000;
const BODY_BYTES_MAX = 2_000_000;
/** What the most commands that a request may hold weigh, and more. */
const JSON_LIMITS: BodyLimits['json'] = { weightMax: 1_000_000, depthMax: 64 };
/** Bodies of all requests under way and what was parsed of them. */
const BODY_MEMORY_BYTES_MAX = 128 * 1024 * 1024;

/** An answer to somebody who has not proved to be a peer; unsigned. */
class StrangerError extends Error {
  constructor(
    readonly status: 401 | 404 | 408 | 413 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** Whoever sent it has left in the middle. */
class SenderLeftError extends Error {}

/** A signed "no": the request came from a peer, and nothing was done. */
class RefusedError extends Error {
  constructor(
    readonly status: 400 | 421 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** Where the other gateways of the cluster bring commands. It has this one route, and only peers get further than its door. */
export class PeerServer {
  private readonly server: Server;
  private readonly nonces: NonceMemory;
  private readonly memory = new BodyMemory(BODY_MEMORY_BYTES_MAX);
  private readonly underWay = new Set<Promise<void>>();
  private boundPort = 0;
  private isClosing = false;
  private reportedMs = Number.NEGATIVE_INFINITY;

  private constructor(private readonly options: PeerServerOptions) {
    this.nonces = new NonceMemory(options.noncesMax ?? 100_000);
    this.server = createGuardedServer((request, response) => this.accept(request, response), {
      limits: options.limits ?? LIMITS,
      headMsMax: REQUEST_MS_MAX,
      requestMsMax: REQUEST_MS_MAX,
      keepAliveMs: KEEP_ALIVE_MS,
    });
  }

  /** @throws Error when the address cannot be listened on. */
  static async listen(options: PeerServerOptions): Promise<PeerServer> {
    const peerServer = new PeerServer(options);
    const { server } = peerServer;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.off('error', reject);
        peerServer.boundPort = (server.address() as AddressInfo).port;
        resolve();
      });
    });
    server.on('error', (error) => options.onProblem(new Error('the port for peers failed', { cause: error })));
    return peerServer;
  }

  /** The port that it was given, also after it was closed. */
  get port(): number {
    return this.boundPort;
  }

  /** Takes nothing new, and waits for what is under way, within bounds. */
  async close(): Promise<void> {
    if (this.isClosing) return;
    this.isClosing = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.options.closeMsMax ?? 5_000);
    });
    await Promise.race([Promise.allSettled(this.underWay), patience]);
    clearTimeout(timer);
    this.server.closeAllConnections();
    await closed;
  }

  private accept(request: IncomingMessage, response: ServerResponse): void {
    const handling = this.handle(request, response)
      .catch((error: unknown) => {
        // Strangers may come and go as they like without filling the log.
        if (error instanceof SenderLeftError) return;
        this.options.onProblem(new Error('a request of a peer failed', { cause: error }));
        response.destroy();
      })
      .finally(() => this.underWay.delete(handling));
    this.underWay.add(handling);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let signed: SignedRequest;
    let orgId: OrganizationId;
    let body: Uint8Array;
    try {
      orgId = this.routeOf(request);
      signed = this.authenticate(request);
      invitesBody(request, response);
      body = await this.bodyOf(request, response, signed);
    } catch (error) {
      if (!(error instanceof StrangerError)) throw error;
      this.reportStranger(error, request);
      // The rest of a body that nobody wants must not pass for the next request.
      response.writeHead(error.status, { 'content-type': 'text/plain', connection: 'close' });
      await send(response, Buffer.from(error.message));
      return;
    }
    const answer = await this.answer(orgId, signed, body);
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': answer.body.length,
      ...(this.isClosing ? { connection: 'close' } : {}),
      [HEADERS.signature]: signAnswer(this.options.peerKey, { nonce: signed.nonce, ...answer }),
    });
    await send(response, answer.body);
  }

  private routeOf({ method, url = '' }: IncomingMessage): OrganizationId {
    const orgId = method === 'POST' ? parseCommandsPath(url) : undefined;
    if (orgId === undefined) throw new StrangerError(404, 'Only gateways of this cluster speak here.');
    if (this.underWay.size >= (this.options.requestsMax ?? 256))
      throw new StrangerError(503, 'Too many requests of peers are under way.');
    return orgId;
  }

  /** @throws StrangerError when the headers are not those of a peer, or were sent before. */
  private authenticate(request: IncomingMessage): SignedRequest {
    const { peerKey, clock } = this.options;
    const { method = '', url: path = '' } = request;
    const { [HEADERS.to]: to, [HEADERS.time]: time, [HEADERS.nonce]: nonce } = request.headers;
    const { [HEADERS.digest]: digest, [HEADERS.signature]: signature } = request.headers;
    if (!isText(to) || !isText(time) || !isText(nonce) || !isText(digest) || !isText(signature))
      throw new StrangerError(401, 'The request is not signed.');
    const ageMs = Math.abs(clock.now() - Number(time));
    if (!(ageMs <= REQUEST_AGE_MS_MAX))
      throw new StrangerError(401, 'The request is not of now: are the clocks of the gateways set right?');
    const signed = { method, path, to, time, nonce, digest };
    if (!isSameSignature(signRequest(peerKey, signed), signature))
      throw new StrangerError(401, 'The signature is wrong: do all gateways have the same master key?');
    switch (this.nonces.take(nonce, Number(time) + REQUEST_AGE_MS_MAX, clock.now())) {
      case 'fresh':
        return signed;
      case 'repeated':
        throw new StrangerError(401, 'The request was sent before.');
      case 'full':
        throw new StrangerError(503, 'Too many requests of peers; try again.');
    }
  }

  /** @throws StrangerError when the body is larger than it may be, or not the one that was signed. */
  private async bodyOf(
    request: IncomingMessage,
    response: ServerResponse,
    { digest }: SignedRequest,
  ): Promise<Uint8Array> {
    const bytesMax = this.options.bodyBytesMax ?? BODY_BYTES_MAX;
    const share = this.memory.open({ group: 'peers', member: request.socket.remoteAddress ?? '' });
    whenOver(response, () => share.release());
    const body = await receiveBody(request, { bytesMax, json: JSON_LIMITS }, share);
    if (body instanceof BodyFailure) throw errorOf(body, bytesMax);
    if (!isSameSignature(digestOf(body), digest))
      throw new StrangerError(401, 'The body is not the one that was signed.');
    return body;
  }

  private async answer(
    orgId: OrganizationId,
    signed: SignedRequest,
    body: Uint8Array,
  ): Promise<{ status: number; body: Uint8Array }> {
    try {
      const { commands, timeoutMs } = this.understand(signed, body);
      const outcomes = await this.options.takeForwarded(orgId, commands, timeoutMs);
      return { status: 200, body: encodeAnswer(outcomes) };
    } catch (error) {
      if (error instanceof RefusedError) return { status: error.status, body: Buffer.from(error.message) };
      this.options.onProblem(new Error('commands of a peer could not be recorded', { cause: error }));
      return { status: 500, body: Buffer.from('The commands could not be recorded, or not all of them.') };
    }
  }

  /** @throws RefusedError before anything has reached the ledger. */
  private understand({ to }: SignedRequest, body: Uint8Array): ForwardRequest {
    if (this.isClosing) throw new RefusedError(503, 'This gateway is stopping.');
    if (to !== this.options.self) throw new RefusedError(421, 'Another gateway is meant, which ran here before.');
    try {
      return decodeRequest(body);
    } catch (error) {
      if (error instanceof MalformedMessageError) throw new RefusedError(400, error.message);
      throw error;
    }
  }

  private reportStranger(error: StrangerError, request: IncomingMessage): void {
    const nowMs = this.options.clock.monotonicMs();
    if (error.status === 503 || nowMs - this.reportedMs < REPORT_EVERY_MS) return;
    this.reportedMs = nowMs;
    const from = request.socket.remoteAddress ?? 'an unknown address';
    this.options.onProblem(new Error(`a request from ${from} to the port for peers was turned away: ${error.message}`));
  }
}

function errorOf({ problem }: BodyFailure, bytesMax: number): StrangerError | SenderLeftError {
  switch (problem) {
    case 'too-large':
      return new StrangerError(413, `A body may have ${bytesMax} bytes.`);
    case 'too-many-values':
    case 'too-deep':
      return new StrangerError(413, 'The body holds more than any message of a peer.');
    case 'too-slow':
      return new StrangerError(408, 'The body did not go on arriving.');
    case 'no-room':
      return new StrangerError(503, 'Too many requests of peers are under way.');
    case 'left':
      return new SenderLeftError('the connection was closed');
  }
}

function isText(header: string | string[] | undefined): header is string {
  return typeof header === 'string';
}

/** Resolves when the answer is written, or when there is nobody left to take it. */
function send(response: ServerResponse, body: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    whenOver(response, resolve);
    response.end(body, () => resolve());
  });
}
