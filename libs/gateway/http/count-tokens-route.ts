import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { anthropicErrorAnswer, parseCountTokensRequest } from '#inference/anthropic';
import type { ModelId } from '#kernel';
import { boundsOfCall } from '../calls/bounds-of-call';
import { unknownFieldRefusalOfModel } from '../calls/choose-route';
import { parseSound } from '../calls/parse-sound';
import { bodyOf, sendError, type V1Options } from './v1-request';

/**
 * `POST /v1/messages/count_tokens`, as Anthropic's clients ask it. The answer is the estimate that a preflight names,
 * for backends of every kind: no backend is asked, so nothing can be billed, and nothing is recorded. The bound, which
 * is what a call would hold, goes beside it in a header.
 */
export function registerCountTokens(plane: FastifyInstance, options: Pick<V1Options, 'models' | 'calls'>): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { key, requestId, clientRequestId } = request.v1;
    if (key === undefined) return sendError(request, reply, 'missing_api_key');
    const parsed = parseSound(bodyOf(request), parseCountTokensRequest);
    if (!parsed.ok) {
      const { code, message, param } = parsed.refusal;
      return sendError(request, reply, code, { message, param });
    }
    const { model: id, facts, unknownFields } = parsed.request;
    const found = options.models.findCallableModel(key, id as ModelId, options.calls.ledger.timeOf(key.orgId));
    if (!found.ok) return sendError(request, reply, found.code, { param: 'model' });
    if (found.model.kind !== 'chat') return sendError(request, reply, 'model_not_for_route', { param: 'model' });
    const refused = unknownFieldRefusalOfModel(options.models, found.model, unknownFields);
    if (refused !== undefined) return sendError(request, reply, refused.code, refused);
    const { inputTokensEstimate, inputTokensMax } = boundsOfCall(options.models, found.model, facts);
    reply.headers({
      'x-request-id': requestId,
      'request-id': requestId,
      ...(clientRequestId === undefined ? {} : { 'x-client-request-id': clientRequestId }),
      'x-token-count': 'estimate',
      'x-input-tokens-max': String(inputTokensMax),
    });
    return { input_tokens: inputTokensEstimate };
  };
  plane.post('/messages/count_tokens', { config: { errorAnswer: anthropicErrorAnswer, scope: 'inference' } }, answer);
}
