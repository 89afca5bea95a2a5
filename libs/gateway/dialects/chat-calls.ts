import { JsonDocument, type JsonObject, writeAnew } from '#inference';
import type { BackendKind } from '#inference/catalogue';
import {
  buildChatUpstream,
  ChatEncoder,
  type ChatRequest,
  ChatStream,
  DONE_FRAME,
  encodeChatAnswer,
  readChatAnswer,
  readChatCall,
  renderChatAnswer,
  settledChatAnswer,
} from '#inference/openai';
import type { NanoUsd, TokenUsage } from '#kernel';
import type { AnswerContext, AnswerReading, CallTarget, CarryRefusal, RelayedStream } from '../calls/dialect';
import { carriedAnswer, carriedStream, carriedUpstream, carryRefusal, wholeStream } from './carry';

/** Chat calls to any kind of backend: passed on where it speaks the dialect itself, carried over where it does not. */

function speaksChat(kind: BackendKind): boolean {
  return kind !== 'anthropic';
}

function headOf(request: ChatRequest, { requestId, createdSeconds }: AnswerContext) {
  return { requestId, createdSeconds, clientModel: request.model };
}

export function chatRefusal(request: ChatRequest, kind: BackendKind): CarryRefusal | undefined {
  return speaksChat(kind) ? undefined : carryRefusal((carrying) => readChatCall(request.body, carrying), kind, request);
}

export function chatUpstream(request: ChatRequest, target: CallTarget): JsonObject {
  return speaksChat(target.backend.kind)
    ? buildChatUpstream(request, target)
    : carriedUpstream((carrying) => readChatCall(request.body, carrying), request, target);
}

/** @param show the client's form of the answer, from a chat's; the same where it is left out. */
export function chatAnswer(
  request: ChatRequest,
  text: string,
  context: AnswerContext,
  show?: (answer: JsonObject, charged: TokenUsage, cost: NanoUsd) => JsonObject,
): AnswerReading {
  const { backendKind } = context;
  if (!speaksChat(backendKind))
    return carriedAnswer(backendKind, text, (events, charged, cost, details) => {
      const said = encodeChatAnswer(events, headOf(request, context), charged, cost, details);
      return show === undefined ? said : show(said, charged, cost);
    });
  const answer = readChatAnswer(text);
  if (answer.kind !== 'answer') return answer;
  const { usage, seen, finishReason } = answer;
  return {
    kind: 'complete',
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
    render: (charged, cost) => {
      const settled = { clientModel: request.model, charged, cost };
      return show === undefined
        ? renderChatAnswer(answer, settled)
        : writeAnew(show(settledChatAnswer(answer, settled), charged, cost), JsonDocument.from(answer.body));
    },
  };
}

function passedOn(request: ChatRequest, context: AnswerContext): RelayedStream {
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
    closing: (charged, cost) => `${request.includeUsage ? stream.usage(charged, cost) : ''}${DONE_FRAME}`,
  };
}

/** A chat stream that closes with the usage chunk, if it was asked for, and `[DONE]`. */
export function chatStream(request: ChatRequest, context: AnswerContext): RelayedStream {
  const { backendKind } = context;
  return speaksChat(backendKind)
    ? passedOn(request, context)
    : carriedStream(backendKind, new ChatEncoder(headOf(request, context), request.includeUsage));
}

/** The same, of an answer that came as a whole. */
export function wholeChatStream(request: ChatRequest, context: AnswerContext): RelayedStream {
  return wholeStream(context.backendKind, new ChatEncoder(headOf(request, context), request.includeUsage));
}
