import {
  buildCompletionUpstream,
  ChatStream,
  type CompletionRequest,
  completionBytes,
  completionOutcome,
  DONE_FRAME,
  errorAnswer,
  errorFrame,
  parseCompletionRequest,
  readCompletionAnswer,
  renderChatAnswer,
} from '#inference/openai';
import type { AnswerContext, Dialect, RelayedStream } from '../calls/dialect';
import { onlyOpenAiKinds } from './route-kinds';

function relay(request: CompletionRequest, context: AnswerContext): RelayedStream {
  const stream = new ChatStream({
    clientModel: request.model,
    includeUsage: request.includeUsage,
    choices: request.choices,
    fallbackId: context.requestId,
    createdSeconds: context.createdSeconds,
    object: 'text_completion',
    bytesOf: completionBytes,
  });
  return {
    get finished() {
      return stream.finished;
    },
    get ended() {
      return stream.ended;
    },
    push: (chunk) => stream.push(chunk),
    end: (wasClean) => completionOutcome(stream.end(wasClean), request),
    closing: (charged, cost) => `${request.includeUsage ? stream.usage(charged, cost) : ''}${DONE_FRAME}`,
  };
}

/**
 * `POST /v1/completions`, for models of kind `completion`. A chat model is refused with 400 `model_not_for_route`, and
 * so is a backend kind without such a route: a prompt that was turned into a message would not be continued but
 * answered.
 */
export const openAiCompletions: Dialect<CompletionRequest> = {
  endpoint: 'completion',
  operation: 'completion',
  modelKinds: ['completion'],
  parse: parseCompletionRequest,
  refusalFor: onlyOpenAiKinds,
  buildUpstream: buildCompletionUpstream,
  readAnswer(request, body) {
    const answer = readCompletionAnswer(body, request);
    if (answer.kind !== 'answer') return answer;
    const { usage, seen, finishReason } = answer;
    return {
      kind: 'complete',
      usage,
      seen,
      ...(finishReason === undefined ? {} : { finishReason }),
      render: (charged, cost) => renderChatAnswer(answer, { clientModel: request.model, charged, cost }),
    };
  },
  relay,
  errorAnswer,
  errorFrame,
};
