import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Identifiers } from '#environment';
import { type RequestId, redactSecrets } from '#kernel';
import { ADMIN_PREFIX } from './access/routes';
import { Problem } from './problems/problem';

/** The platform's name of a request, and the client's own: that is recorded and echoed, and never identity. */
export interface RequestIdentity {
  readonly requestId: RequestId;
  readonly clientRequestId?: string;
}

/** Header values are single bytes: what is not printable ASCII could not be echoed as it came. */
const CLIENT_REQUEST_ID = /^[ -~]{1,128}$/;

const identities = new WeakMap<IncomingMessage, RequestIdentity>();

function clientRequestIdOf({ headers }: FastifyRequest): string | undefined {
  const own = headers['x-client-request-id'] ?? headers['x-request-id'];
  return typeof own === 'string' && CLIENT_REQUEST_ID.test(own) ? redactSecrets(own) : undefined;
}

/** The inference plane names its own requests, for there the name is the call's id. */
function isInference(url: string): boolean {
  return /^\/v1(?:[/?]|$)/.test(url);
}

/** Names every request outside `/v1` before anything else happens to it, so that every answer can say the name. */
export function nameRequests(server: FastifyInstance, identifiers: Pick<Identifiers, 'id'>): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (!isInference(request.raw.url ?? '')) {
      const clientRequestId = clientRequestIdOf(request);
      const requestId = identifiers.id('req');
      identities.set(request.raw, { requestId, ...(clientRequestId === undefined ? {} : { clientRequestId }) });
      reply.header('x-request-id', requestId);
      if (clientRequestId !== undefined) reply.header('x-client-request-id', clientRequestId);
    }
    done();
  });
}

const JSON_TYPE = /^application\/(?:[!-~]+\+)?json *(?:;|$)/i;

/** Whether a body is sent as something else than JSON: other parsers of the framework would take it all the same. */
function isForeignBody({ headers, raw }: FastifyRequest): boolean {
  const { 'content-type': type } = headers;
  return raw.url?.startsWith(`${ADMIN_PREFIX}/`) === true && type !== undefined && !JSON_TYPE.test(type);
}

/** Lets the admin plane take bodies of JSON alone. */
export function requireJson(server: FastifyInstance): void {
  server.addHook('onRequest', (request, _reply, done) => {
    if (isForeignBody(request))
      done(new Problem(415, 'unsupported_media_type', 'Send the body as Content-Type: application/json.'));
    else done();
  });
}

/** `undefined` for a request that failed before it could be named, or that the inference plane named. */
export function identityOf(request: Pick<FastifyRequest, 'raw'>): RequestIdentity | undefined {
  return identities.get(request.raw);
}
