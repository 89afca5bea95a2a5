import {
  buildChatUpstream,
  type ChatRequest,
  ChatStream,
  DONE_FRAME,
  errorAnswer,
  errorFrame,
  parseChatRequest,
  readChatAnswer,
  renderChatAnswer,
} from '#inference/openai';
import type { NanoUsd, TokenUsage } from '#kernel';
import type { AnswerContext, Dialect, RelayedStream } from '../calls/dialect';

/** A chat stream that closes with the usage chunk, if it was asked for, and `[DONE]`. */
function relay(request: ChatRequest, context: AnswerContext): RelayedStream {
  const stream = new ChatStream({
    clientModel: request.model,
    includeUsage: request.includeUsage,
    choices: request.facts.outputsPerPrompt,
    fallbackId: context.requestId,
    createdSeconds: context.createdSeconds,
  });
  return {
    get finished() {
      return stream.finished;
    },
    get ended() {
      return stream.ended;
    },
    push: (chunk) => stream.push(chunk),
    end: (wasClean) => stream.end(wasClean),
    closing: (charged: TokenUsage, cost: NanoUsd) =>
      `${request.includeUsage ? stream.usage(charged, cost) : ''}${DONE_FRAME}`,
  };
}

/** `POST /v1/chat/completions`. */
export const openAiChat: Dialect<ChatRequest> = {
  endpoint: 'chat',
  operation: 'chat',
  modelKinds: ['chat'],
  parse: parseChatRequest,
  buildUpstream: buildChatUpstream,
  readAnswer(request, body) {
    const answer = readChatAnswer(body);
    if (answer.kind !== 'answer') return answer;
    return {
      kind: 'complete',
      usage: answer.usage,
      seen: answer.seen,
      render: (charged, cost) => renderChatAnswer(answer, { clientModel: request.model, charged, cost }),
    };
  },
  relay,
  errorAnswer,
  errorFrame,
};
