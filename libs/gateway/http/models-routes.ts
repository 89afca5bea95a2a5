import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isClosed, type Model } from '#inference/catalogue';
import type { ErrorCode } from '#inference/openai';
import { formatInstant, type ModelId } from '#kernel';
import { pageOf, readPage } from './model-pages';
import { asksAsAnthropic, sendError, type V1Options } from './v1-request';

/** A model as OpenAI's clients read it, with what callers of this platform want to know beside. */
function openAiModel(model: Model) {
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

/** A model as Anthropic's clients read it. */
function anthropicModel(model: Model) {
  const [first] = model.prices;
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: first === undefined ? '1970-01-01T00:00:00Z' : formatInstant(first.effectiveFrom),
    max_input_tokens: model.contextTokens,
    max_tokens: model.maxOutputTokens,
  };
}

function asksForPage(query: unknown): boolean {
  return ['limit', 'after_id', 'before_id'].some((name) => Object.hasOwn(query ?? {}, name));
}

function callableModels(request: FastifyRequest, options: V1Options): readonly Model[] {
  const { key } = request.v1;
  return key === undefined ? [] : options.models.callableModels(key, options.calls.ledger.timeOf(key.orgId));
}

/** What some clients say of themselves wherever they ask; no answer depends on it. */
const OF_CLIENTS = { beta: 'once', client_version: 'once', 'api-version': 'once' } as const;

const OF_LIST = { ...OF_CLIENTS, limit: 'once', after_id: 'once', before_id: 'once' } as const;

/** A model that only its operator opens again is there, and a client that looks for it may know. */
function whyNotShown({ v1: { key } }: FastifyRequest, { models, calls }: V1Options, id: ModelId): ErrorCode {
  if (key === undefined) return 'model_not_found';
  const found = models.findCallableModel(key, id, calls.ledger.timeOf(key.orgId));
  if (!found.ok) return 'model_not_found';
  return isClosed(found.model) ? 'model_closed' : 'model_stopped';
}

/** Both APIs have the path; who names a version of Anthropic's is answered in its shape, errors too. */
export function registerModels(plane: FastifyInstance, options: V1Options): void {
  plane.get('/models', { config: { query: OF_LIST } }, async (request, reply) => {
    const models = callableModels(request, options);
    reply.header('x-request-id', request.v1.requestId);
    const wanted = readPage(request.query);
    if (!wanted.ok) return sendError(request, reply, 'invalid_value', wanted.fault);
    // OpenAI's list is one page; who asks for less gets less, and is told that there is more.
    if (!asksAsAnthropic(request)) {
      if (!asksForPage(request.query)) return { object: 'list', data: models.map(openAiModel) };
      return { object: 'list', ...pageOf(models.map(openAiModel), wanted.page) };
    }
    reply.header('request-id', request.v1.requestId);
    return pageOf(models.map(anthropicModel), wanted.page);
  });
  // The id may hold slashes, raw or encoded.
  plane.get<{ Params: { '*': string } }>('/models/*', { config: { query: OF_CLIENTS } }, async (request, reply) => {
    const id = request.params['*'] as ModelId;
    const model = callableModels(request, options).find((candidate) => candidate.id === id);
    if (model === undefined) return sendError(request, reply, whyNotShown(request, options, id), { param: 'model' });
    reply.header('x-request-id', request.v1.requestId);
    if (!asksAsAnthropic(request)) return openAiModel(model);
    reply.header('request-id', request.v1.requestId);
    return anthropicModel(model);
  });
}
