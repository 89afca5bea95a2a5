import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { queryProblem } from '#http-edge';
import { BodyMemory } from '#http-server';
import { InvalidJsonError } from '#inference';
import { foreignText } from '#kernel';
import { ClientConnection } from '../calls/client-connection';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { DIALECTS } from '../dialects';
import { ReadRefusedError } from './call-reads';
import { registerCountTokens } from './count-tokens-route';
import { identifyKeys } from './identify-keys';
import { registerModels } from './models-routes';
import { registerPreflight } from './preflight-route';
import { registerReads } from './read-routes';
import { openBody, refusalBeforeBody, takeBodies } from './take-bodies';
import { isThrottled, refusalsOf } from './throttle';
import { bodyOf, callerOf, sendError, type V1Options } from './v1-request';

function clientRequestIdOf(request: FastifyRequest): string | undefined {
  const own = request.headers['x-client-request-id'] ?? request.headers['x-request-id'];
  // Header values are single bytes: what is not printable ASCII could not be echoed as it came.
  return typeof own === 'string' && /^[ -~]+$/.test(own) ? foreignText(own, 128).replace('…', '') : undefined;
}

/** Everything that is known without the body comes before it: a stranger's megabytes are nobody's to parse. */
function admit(options: V1Options, memory: BodyMemory) {
  const identify = identifyKeys(options);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const clientRequestId = clientRequestIdOf(request);
    request.v1 = {
      requestId: options.newRequestId(),
      ...(clientRequestId === undefined ? {} : { clientRequestId }),
      arrivedMs: options.clock.monotonicMs(),
    };
    if (!options.isAdmitting()) {
      reply.header('connection', 'close');
      return sendError(request, reply, 'not_ready', { retryAfterMs: 1_000 });
    }
    const key = await identify(request, reply);
    if (key === undefined) return reply;
    request.v1.key = key;
    if (isThrottled(options.rates, request, reply, key)) return reply;
    request.v1.refused = refusalsOf(options, request, key);
    const refusal = refusalBeforeBody(request);
    if (refusal !== undefined) return sendError(request, reply, refusal);
    openBody(memory, request, reply);
    return undefined;
  };
}

/** A read that leaves out what it does not know would answer another question than was asked. */
async function refuseQuery(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const { query } = request.routeOptions.config;
  const problem = query === undefined ? undefined : queryProblem(request.query, query);
  if (problem === undefined) return undefined;
  return sendError(request, reply, 'invalid_value', { param: problem.parameter, message: problem.message });
}

/** The framework's own failures, in our shape. */
function answerFailure(onUnexpected: (error: unknown, request: FastifyRequest) => void) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof ReadRefusedError) {
      const { passes, message } = error;
      return passes
        ? sendError(request, reply, 'not_ready', { message, retryAfterMs: 1_000 })
        : sendError(request, reply, 'invalid_value', { message });
    }
    switch (error.code) {
      case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
        return sendError(request, reply, 'unsupported_content_type');
      default:
        if (error instanceof InvalidJsonError)
          return sendError(request, reply, 'invalid_json', { message: error.message });
        onUnexpected(error, request);
        return sendError(request, reply, 'internal_error');
    }
  };
}

function callRoute<R extends MeteredRequest>(options: V1Options, dialect: Dialect<R>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { key } = request.v1;
    if (key === undefined) return sendError(request, reply, 'missing_api_key');
    // From here on the call owns the response: streams and held-back answers are written as they are settled. What
    // others have said for it (which origins may read it, say) goes with it.
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.hijack();
    await options.active.track(() =>
      options.runner.run(dialect, bodyOf(request), callerOf(request, key), new ClientConnection(reply.raw)),
    );
    return undefined;
  };
}

/** The inference plane. No interceptor and no validation library: every microsecond here is paid by every call. */
export function v1Plane(
  options: V1Options & { readonly onUnexpected: (error: unknown, request: FastifyRequest) => void },
) {
  return async (plane: FastifyInstance): Promise<void> => {
    plane.setErrorHandler(answerFailure(options.onUnexpected));
    takeBodies(plane);
    plane.addHook('onRequest', admit(options, options.bodyMemory ?? BodyMemory.ofHeap()));
    plane.addHook('preHandler', refuseQuery);
    for (const [path, dialect] of Object.entries(DIALECTS))
      plane.post(
        path,
        { config: { errorAnswer: dialect.errorAnswer, runsModels: true, scope: 'inference' } },
        dialect.use((one) => callRoute(options, one)),
      );
    registerPreflight(plane, options.calls);
    registerCountTokens(plane, options);
    registerModels(plane, options);
    registerReads(plane, options.reads, (orgId) => options.calls.ledger.timeOf(orgId));
    const answerNoRoute = (request: FastifyRequest, reply: FastifyReply) =>
      sendError(request, reply, 'unsupported_route');
    for (const path of ['/', '/*']) plane.all(path, { config: { isNoRoute: true } }, answerNoRoute);
  };
}
