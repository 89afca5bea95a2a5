import type { FastifyInstance } from 'fastify';
import { type ClientBody, JsonDocument, readClientText } from '#inference';
import { ERROR_CODES, shownMessage, shownParam } from '#inference/openai';
import type { CallDependencies } from '../calls/ports';
import { preflight } from '../calls/preflight';
import { DIALECTS } from '../dialects';
import { bodyOf, callerOf, sendError } from './v1-request';

/** `endpoint` is a path, with or without `/v1`. */
function dialectFor(endpoint: unknown) {
  if (typeof endpoint !== 'string') return undefined;
  const path = endpoint.startsWith('/v1/') ? endpoint.slice(3) : endpoint;
  return Object.hasOwn(DIALECTS, path) ? DIALECTS[path] : undefined;
}

/** The body in question, as it would come by itself: what it is known by is made of its text. */
function nestedBody({ value }: ClientBody, body: unknown): ClientBody {
  if (typeof body !== 'object' || body === null) return { text: JSON.stringify(body) ?? '', value: body };
  const text = JsonDocument.from(value)?.textOf(body);
  return text === undefined ? { text: '', value: body } : readClientText(text);
}

export function registerPreflight(plane: FastifyInstance, deps: CallDependencies): void {
  plane.post('/preflight', { config: { scope: 'inference' } }, async (request, reply) => {
    const { key, requestId } = request.v1;
    if (key === undefined) return sendError(request, reply, 'missing_api_key');
    const asked = bodyOf(request);
    const { endpoint, body } = (asked.value ?? {}) as { endpoint?: unknown; body?: unknown };
    const nested = nestedBody(asked, body);
    // What stands twice in the body is the call's affair, what stands twice around it is the question's.
    if (asked.fault !== undefined && nested.fault === undefined) {
      const { code, message, param } = asked.fault;
      return sendError(request, reply, code, { message, param });
    }
    const dialect = dialectFor(endpoint);
    if (dialect === undefined)
      return sendError(request, reply, 'invalid_value', {
        param: 'endpoint',
        message: `'endpoint' is one of: ${Object.keys(DIALECTS)
          .map((path) => `/v1${path}`)
          .join(', ')}.`,
      });
    const verdict = await dialect.use((one) => preflight(deps, one, nested, callerOf(request, key)));
    reply.header('x-request-id', requestId);
    if (verdict.admitted) return { admitted: true, ...verdict.answer };
    const { code, message, param, details, retryAfterMs } = verdict;
    return {
      admitted: false,
      status: ERROR_CODES[code].status,
      code,
      message: shownMessage(message ?? ERROR_CODES[code].message),
      param: shownParam(param),
      details,
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    };
  });
}
