import type { FastifyInstance } from 'fastify';
import { ERROR_CODES } from '#inference/openai';
import type { CallDependencies } from '../calls/ports';
import { preflight } from '../calls/preflight';
import { DIALECTS } from '../dialects';
import { callerOf, sendError } from './v1-request';

/** `endpoint` is a path, with or without `/v1`. */
function dialectFor(endpoint: unknown) {
  if (typeof endpoint !== 'string') return undefined;
  const path = endpoint.startsWith('/v1/') ? endpoint.slice(3) : endpoint;
  return Object.hasOwn(DIALECTS, path) ? DIALECTS[path] : undefined;
}

export function registerPreflight(plane: FastifyInstance, deps: CallDependencies): void {
  plane.post('/preflight', async (request, reply) => {
    const { key, requestId } = request.v1;
    if (key === undefined) return sendError(request, reply, 'missing_api_key');
    if (!key.scopes.includes('inference')) return sendError(request, reply, 'insufficient_scope');
    const { endpoint, body } = (request.body ?? {}) as { endpoint?: unknown; body?: unknown };
    const dialect = dialectFor(endpoint);
    if (dialect === undefined)
      return sendError(request, reply, 'invalid_value', {
        param: 'endpoint',
        message: `'endpoint' is one of: ${Object.keys(DIALECTS)
          .map((path) => `/v1${path}`)
          .join(', ')}.`,
      });
    const verdict = await dialect.use((one) => preflight(deps, one, body, callerOf(request, key)));
    reply.header('x-request-id', requestId);
    if (verdict.admitted) return { admitted: true, ...verdict.answer };
    const { code, message, param, details, retryAfterMs } = verdict;
    return {
      admitted: false,
      status: ERROR_CODES[code].status,
      code,
      message: message ?? ERROR_CODES[code].message,
      param,
      details,
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    };
  });
}
