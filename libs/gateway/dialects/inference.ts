import { DONE_FRAME, errorAnswer, errorFrame } from '#inference/openai';
import {
  type InferenceRequest,
  inferenceAnswer,
  inferenceUsageFrame,
  parseInferenceRequest,
} from '#inference/simple-form';
import type { NanoUsd, TokenUsage } from '#kernel';
import type { AnswerContext, Dialect, RelayedStream } from '../calls/dialect';
import { chatAnswer, chatRefusal, chatStream, chatUpstream, wholeChatStream } from './chat-calls';

function settled({ requestId, latencyMs }: AnswerContext, charged: TokenUsage, cost: NanoUsd) {
  return { requestId, charged, cost, latencyMs: latencyMs() };
}

/** The chunks of a chat, in every form; the last one tells usage and cost in the platform's own terms. */
function relay({ model }: InferenceRequest, context: AnswerContext, stream: RelayedStream): RelayedStream {
  return {
    get finished() {
      return stream.finished;
    },
    get ended() {
      return stream.ended;
    },
    push: (chunk) => stream.push(chunk),
    end: (wasClean) => stream.end(wasClean),
    closing(charged, cost) {
      const end = stream.closing(charged, cost);
      const usage = inferenceUsageFrame(model, context.createdSeconds, settled(context, charged, cost));
      return end.slice(0, end.length - DONE_FRAME.length) + usage + DONE_FRAME;
    },
  };
}

/** `POST /v1/inference`: the platform's own simple form, a chat at heart. */
export const inference: Dialect<InferenceRequest> = {
  endpoint: 'inference',
  operation: 'chat',
  modelKinds: ['chat'],
  parse: parseInferenceRequest,
  refusalFor: ({ chat }, kind) => chatRefusal(chat, kind),
  buildUpstream: ({ chat }, target) => chatUpstream(chat, target),
  readAnswer: (request, text, context) =>
    chatAnswer(request.chat, text, context, (answer, charged, cost) =>
      inferenceAnswer(request, answer, settled(context, charged, cost)),
    ),
  relay: (request, context) => relay(request, context, chatStream(request.chat, context)),
  relayWhole: (request, context) => relay(request, context, wholeChatStream(request.chat, context)),
  errorAnswer,
  errorFrame,
};
