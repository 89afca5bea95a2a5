import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Model } from '#inference/catalogue';
import type { ModelId } from '#kernel';
import { sendError, type V1Options } from './v1-request';

/** A model as OpenAI's clients read it, with what callers of this platform want to know beside. */
function modelAnswer(model: Model) {
  const [first] = model.prices;
  return {
    id: model.id,
    object: 'model',
    created: first === undefined ? 0 : Math.floor(first.effectiveFrom / 1_000),
    owned_by: 'aiaas',
    kind: model.kind,
    context_tokens: model.contextTokens,
    max_output_tokens: model.maxOutputTokens,
  };
}

function callableModels(request: FastifyRequest, options: V1Options): readonly Model[] {
  const { key } = request.v1;
  return key === undefined ? [] : options.models.callableModels(key, options.calls.ledger.timeOf(key.orgId));
}

export function registerModels(plane: FastifyInstance, options: V1Options): void {
  plane.get('/models', async (request, reply) => {
    reply.header('x-request-id', request.v1.requestId);
    return { object: 'list', data: callableModels(request, options).map(modelAnswer) };
  });
  // The id may hold slashes, raw or encoded.
  plane.get<{ Params: { '*': string } }>('/models/*', async (request, reply) => {
    const id = request.params['*'] as ModelId;
    const model = callableModels(request, options).find((candidate) => candidate.id === id);
    if (model === undefined) return sendError(request, reply, 'model_not_found', { param: 'model' });
    reply.header('x-request-id', request.v1.requestId);
    return modelAnswer(model);
  });
}
