import {
  buildEmbeddingUpstream,
  type EmbeddingRequest,
  errorAnswer,
  errorFrame,
  parseEmbeddingRequest,
  readEmbeddingAnswer,
  renderEmbeddingAnswer,
} from '#inference/openai';
import type { Dialect } from '../calls/dialect';
import { onlyOpenAiKinds } from './route-kinds';

/** `POST /v1/embeddings`, in floats or base64 as the client asks, whatever the backend answers in. */
export const openAiEmbeddings: Dialect<EmbeddingRequest> = {
  endpoint: 'embedding',
  operation: 'embedding',
  modelKinds: ['embedding'],
  parse: parseEmbeddingRequest,
  refusalFor: onlyOpenAiKinds,
  buildUpstream: buildEmbeddingUpstream,
  readAnswer(request, body) {
    const answer = readEmbeddingAnswer(body, request);
    if (answer.kind !== 'answer') return answer;
    return {
      kind: 'complete',
      usage: answer.usage,
      seen: answer.seen,
      render: (charged, cost) => renderEmbeddingAnswer(answer, { clientModel: request.model, charged, cost }),
    };
  },
  relay() {
    // The parser refuses `stream`, so that no embedding is ever streamed.
    throw new Error('embeddings have no stream');
  },
  errorAnswer,
  errorFrame,
};
