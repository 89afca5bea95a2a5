import { createHash, timingSafeEqual } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { OPERATIONS_ROUTES, type OperationsConfiguration, type OperationsRoute } from '#configuration';
import { systemClock, systemIdentifiers } from '#environment';
import { type Check, type HealthOptions, registerHealth } from '#gateway';
import { protectAnswers } from '#http-edge';
import { createGuardedServer } from '#http-server';
import type { Metrics } from '#telemetry';
import { type StoredDocument, serveDocuments } from './documents';
import { inviteBodies } from './invite-bodies';
import { answerUnreadable, answerUnroutable } from './unroutable-requests';
import { urlOf } from './url-of';

/** A text of metrics is so old at most: however often it is asked for, it is made once in this time. */
const METRICS_MS = 1_000;

/** Nothing is sent to this port but lines and headers. */
const REQUEST_MS_MAX = 10_000;
const BODY_BYTES_MAX = 1_024;
const CONNECTIONS_MAX = 256;
const KEEP_ALIVE_MS = 75_000;

/** Gives the same answer to everybody who asks while it is made and for some time after, so that it is made rarely. */
export function sharedFor<T>(ms: number, now: () => number, make: () => Promise<T>): () => Promise<T> {
  let last: { readonly answer: Promise<T>; untilMs: number } | undefined;
  return () => {
    if (last !== undefined && now() < last.untilMs) return last.answer;
    const made = { answer: make(), untilMs: Number.POSITIVE_INFINITY };
    last = made;
    made.answer.then(
      () => {
        made.untilMs = now() + ms;
      },
      // A failure is told to those who have asked, and to nobody after them.
      () => {
        made.untilMs = Number.NEGATIVE_INFINITY;
      },
    );
    return made.answer;
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether a request carries the token of metrics; compared by digests, so that the time taken tells nothing. */
function carries(token: string) {
  const wanted = digest(`Bearer ${token}`);
  return ({ headers }: FastifyRequest) => timingSafeEqual(digest(headers.authorization ?? ''), wanted);
}

/** As RFC 9457 describes, like every failure outside of `/v1`. */
function sendProblem(reply: FastifyReply, status: number, code: string, detail: string): FastifyReply {
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, code, detail };
  return reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}

export interface OperationsOptions {
  readonly metrics: Metrics;
  readonly metricsToken?: string;
  readonly health: Omit<HealthOptions, 'checks'>;
  readonly checks: () => Promise<Readonly<Record<string, Check>>>;
  /** Brings gauges up to date that nobody is told about. */
  readonly beforeMetrics: () => void;
  readonly documents: readonly StoredDocument[];
}

/** What those ask who run the platform: metrics, health, documents; on whichever port. */
export class Operations {
  private readonly metricsText: () => Promise<string>;

  constructor(private readonly options: OperationsOptions) {
    const { metrics, beforeMetrics } = options;
    this.metricsText = sharedFor(
      METRICS_MS,
      () => systemClock.monotonicMs(),
      async () => {
        beforeMetrics();
        return metrics.registry.metrics();
      },
    );
  }

  serve(server: FastifyInstance, route: OperationsRoute): void {
    switch (route) {
      case 'metrics':
        this.serveMetrics(server);
        break;
      case 'health': {
        const { health, checks } = this.options;
        // One check at a time, however many probes ask.
        registerHealth(server, { ...health, checks: sharedFor(0, () => systemClock.monotonicMs(), checks) });
        break;
      }
      case 'documents':
        serveDocuments(server, this.options.documents);
    }
  }

  private serveMetrics(server: FastifyInstance): void {
    const { metrics, metricsToken } = this.options;
    const isLetIn = metricsToken === undefined ? () => true : carries(metricsToken);
    server.get('/metrics', async (request, reply) => {
      if (!isLetIn(request)) {
        reply.header('www-authenticate', 'Bearer realm="aiaas"');
        return sendProblem(
          reply,
          401,
          'missing_credential',
          'Send the token of metrics, AIAAS_METRICS_TOKEN, as "Authorization: Bearer …".',
        );
      }
      return reply.header('content-type', metrics.registry.contentType).send(await this.metricsText());
    });
  }
}

/** The port of operations, which serves all of it. */
export class OperationsServer {
  private constructor(
    private readonly server: FastifyInstance,
    readonly url: string,
  ) {}

  static async listen({ host, port }: OperationsConfiguration, operations: Operations): Promise<OperationsServer> {
    const identifiers = systemIdentifiers(systemClock);
    const server = fastify({
      serverFactory: (handle) =>
        createGuardedServer(handle, {
          limits: { connectionsMax: CONNECTIONS_MAX, connectionsPerAddressMax: CONNECTIONS_MAX },
          headMsMax: REQUEST_MS_MAX,
          requestMsMax: REQUEST_MS_MAX,
          keepAliveMs: KEEP_ALIVE_MS,
        }),
      bodyLimit: BODY_BYTES_MAX,
      forceCloseConnections: true,
      exposeHeadRoutes: false,
      frameworkErrors: answerUnroutable(identifiers),
      clientErrorHandler: answerUnreadable(identifiers),
    });
    protectAnswers(server);
    inviteBodies(server);
    server.setNotFoundHandler((_request, reply) =>
      sendProblem(reply, 404, 'not_found', 'There is nothing at this path and method.'),
    );
    for (const route of OPERATIONS_ROUTES) operations.serve(server, route);
    await server.listen({ host, port });
    const { port: taken } = server.server.address() as AddressInfo;
    return new OperationsServer(server, urlOf(host, taken));
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
