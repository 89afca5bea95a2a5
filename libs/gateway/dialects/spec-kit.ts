import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '#inference';
import type { Backend, BackendKind } from '#inference/catalogue';
import { type BackendId, type NanoUsd, NO_USAGE, type TokenUsage, usd } from '#kernel';
import type { AnswerContext, CallTarget, Dialect, MeteredRequest, StreamOutcome } from '../calls/dialect';

export const CHARGED: TokenUsage = { input: 40, cachedInput: 0, cacheWrite: 0, output: 7 };
export const COST: NanoUsd = usd('0.000125');

export function backendOf(kind: BackendKind, rest: Partial<Backend> = {}): Backend {
  return {
    id: 'bkd_1' as BackendId,
    name: 'main',
    kind,
    baseUrl: 'http://backend.invalid/v1',
    timeouts: { connectMs: 1_000, firstByteMs: 1_000, idleMs: 1_000 },
    outputCapField: 'max_tokens',
    streamUsage: true,
    dropFields: [],
    unbilledServerErrors: false,
    ...rest,
  };
}

export function targetOf(kind: BackendKind, rest: Partial<Backend> = {}): CallTarget {
  return { backend: backendOf(kind, rest), upstreamModel: 'up-1', outputTokensCap: 64 };
}

export function contextOf(backendKind: BackendKind): AnswerContext {
  return { requestId: 'req_1', createdSeconds: 1_700_000_000, latencyMs: () => 12, backendKind };
}

export function accepted<R extends MeteredRequest>(dialect: Dialect<R>, body: unknown): R {
  const parsed = dialect.parse(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

/** The client's unstreamed answer to what a backend said. */
export function answered<R extends MeteredRequest>(
  dialect: Dialect<R>,
  request: R,
  backendKind: BackendKind,
  said: JsonObject,
): string {
  const bounds = {
    inputTokensMax: 100,
    inputTokensEstimate: 10,
    outputTokensCap: 64,
    outputCapSource: 'client',
    outputsMax: 1,
  } as const;
  const reading = dialect.readAnswer(request, JSON.stringify(said), contextOf(backendKind), bounds);
  if (reading.kind !== 'complete') throw new Error(JSON.stringify(reading));
  return reading.render(reading.usage.kind === 'reported' ? reading.usage.usage : CHARGED, COST);
}

export interface Relayed {
  /** What the client gets before the settlement, and after it. */
  readonly before: string;
  readonly closing: string;
  readonly outcome: StreamOutcome;
}

/** The client's stream for the bytes of a backend, cut in two at `at`. */
export function relayed<R extends MeteredRequest>(
  dialect: Dialect<R>,
  request: R,
  backendKind: BackendKind,
  bytes: Uint8Array,
  at = 0,
): Relayed {
  const stream = dialect.relay(request, contextOf(backendKind));
  const before = stream.push(bytes.subarray(0, at)) + stream.push(bytes.subarray(at));
  const outcome = stream.end(true);
  const charged = outcome.usage.kind === 'reported' ? outcome.usage.usage : { ...NO_USAGE, ...CHARGED };
  return { before, closing: outcome.kind === 'complete' ? stream.closing(charged, COST) : '', outcome };
}

/** Neither the client's text nor the outcome may depend on where the network cuts the backend's bytes. */
export function expectSameAtEverySplit<R extends MeteredRequest>(
  dialect: Dialect<R>,
  request: R,
  backendKind: BackendKind,
  bytes: Uint8Array,
): Relayed {
  const whole = relayed(dialect, request, backendKind, bytes);
  const wanted = JSON.stringify(whole);
  for (let at = 1; at < bytes.length; at += 1) {
    const cut = relayed(dialect, request, backendKind, bytes, at);
    // Thousands of splits: only one that differs is worth a matcher's time.
    if (JSON.stringify(cut) !== wanted) expect({ at, ...cut }).toEqual({ at, ...whole });
  }
  return whole;
}

export interface Sent {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
}

/** A server that gives every request the same answer, so that an official client can read what a dialect rendered. */
export class OneAnswerServer {
  readonly #server: Server;
  #answer: { status: number; headers: Record<string, string>; body: string } = { status: 200, headers: {}, body: '' };
  last: Sent | undefined;

  constructor() {
    // A connection that is kept longer than any pause between two requests of a slow machine.
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        this.last = { path: request.url ?? '', headers: request.headers, body: JSON.parse(text || '{}') };
        response.writeHead(this.#answer.status, this.#answer.headers).end(this.#answer.body);
      });
    });
    // A spec may keep the process busy for longer than a server waits for the next request.
    this.#server.keepAliveTimeout = 0;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  json(body: string): void {
    this.#answer = { status: 200, headers: { 'content-type': 'application/json' }, body };
  }

  stream(body: string): void {
    this.#answer = { status: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body };
  }

  error(answer: { status: number; headers: Readonly<Record<string, string>>; body: string }): void {
    this.#answer = { ...answer, headers: { ...answer.headers } };
  }
}
