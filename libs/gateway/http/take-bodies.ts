import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BodyFailure, type BodyLimits, type BodyMemory, type BodyProblem, receiveBody, whenOver } from '#http-server';
import { readClientBody } from '#inference';
import type { ErrorCode } from '#inference/openai';
import { sendError } from './v1-request';

/** What one body may be. Its text and what is parsed of it are counted in the memory of all bodies. */
const LIMITS: BodyLimits = {
  bytesMax: 32 * 1024 * 1024,
  // Some ten times what the longest conversations of agents weigh, and less than a tenth of a second to parse.
  json: { weightMax: 400_000 },
};

const CODES: Readonly<Record<BodyProblem, ErrorCode>> = {
  'too-large': 'request_too_large',
  'too-slow': 'request_timeout',
  'too-deep': 'nesting_too_deep',
  'too-many-values': 'too_many_values',
  'no-room': 'too_many_bytes_in_flight',
  // Nobody's mistake, and nobody reads the answer.
  left: 'invalid_json',
};

/** What is known before any body has come: a wrong scope or route, and a length that was announced. */
export function refusalBeforeBody(request: FastifyRequest): ErrorCode | undefined {
  const { isNoRoute, scope } = request.routeOptions.config;
  if (isNoRoute === true) return 'unsupported_route';
  if (scope !== undefined && request.v1.key?.scopes.includes(scope) !== true) return 'insufficient_scope';
  return Number(request.headers['content-length'] ?? 0) > LIMITS.bytesMax ? 'request_too_large' : undefined;
}

/** Makes room for the body of a request of a known key; it is given back once the answer is over. */
export function openBody(memory: BodyMemory, request: FastifyRequest, reply: FastifyReply): void {
  const { key } = request.v1;
  if (key === undefined || request.method !== 'POST') return;
  const share = memory.open({ group: key.orgId, member: key.keyId });
  request.v1.body = share;
  whenOver(reply.raw, () => share.release());
}

/** Lets a plane take bodies of JSON, as `readClientBody` reads them. */
export function takeBodies(plane: FastifyInstance): void {
  plane.removeAllContentTypeParsers();
  plane.addContentTypeParser('application/json', async (request: FastifyRequest) => {
    const { body: share } = request.v1;
    if (share === undefined) throw new Error('a body was to be read that nobody has made room for');
    const body = await receiveBody(request.raw, LIMITS, share);
    return body instanceof BodyFailure ? body : readClientBody(body);
  });
  plane.addHook('preValidation', (request, reply, done) => {
    const { body } = request;
    if (!(body instanceof BodyFailure)) return done();
    const { problem } = body;
    // Whoever sends so slowly has no use for the connection.
    if (problem === 'too-slow') reply.header('connection', 'close');
    sendError(request, reply, CODES[problem], problem === 'no-room' ? { retryAfterMs: 1_000 } : {});
  });
}
