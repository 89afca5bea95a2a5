import {
  anthropicErrorAnswer,
  anthropicErrorFrame,
  buildMessagesUpstream,
  encodeMessagesAnswer,
  hasUnreadableInput,
  MessagesEncoder,
  type MessagesRequest,
  MessagesStream,
  PING_FRAME,
  parseMessagesRequest,
  readMessagesAnswer,
  readMessagesCall,
  renderMessagesAnswer,
} from '#inference/anthropic';
import type { AnswerContext, AnswerReading, Dialect, RelayedStream } from '../calls/dialect';
import { carriedAnswer, carriedStream, carriedUpstream, carryRefusal, wholeStream } from './carry';

function headOf(request: MessagesRequest, { requestId, createdSeconds }: AnswerContext) {
  return { requestId, createdSeconds, clientModel: request.model };
}

function passedOnAnswer(request: MessagesRequest, text: string): AnswerReading {
  const answer = readMessagesAnswer(text);
  if (answer.kind !== 'answer') return answer;
  const { usage, seen, finishReason } = answer;
  return {
    kind: 'complete',
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
    render: (charged, cost) => renderMessagesAnswer(answer, { clientModel: request.model, charged, cost }),
  };
}

function passedOn(request: MessagesRequest): RelayedStream {
  return new MessagesStream({ clientModel: request.model });
}

/** `POST /v1/messages`: Anthropic's dialect, in front of any chat backend. */
export const anthropicMessages: Dialect<MessagesRequest> = {
  endpoint: 'messages',
  operation: 'chat',
  modelKinds: ['chat'],
  parse: parseMessagesRequest,
  refusalFor: (request, kind) =>
    kind === 'anthropic'
      ? undefined
      : carryRefusal((carrying) => readMessagesCall(request.body, carrying), kind, request),
  buildUpstream: (request, target) =>
    target.backend.kind === 'anthropic'
      ? buildMessagesUpstream(request.body, request.stream, target)
      : carriedUpstream((carrying) => readMessagesCall(request.body, carrying), request, target),
  readAnswer: (request, text, context) =>
    context.backendKind === 'anthropic'
      ? passedOnAnswer(request, text)
      : carriedAnswer(
          context.backendKind,
          text,
          (events, ...settled) => encodeMessagesAnswer(events, headOf(request, context), ...settled),
          { isUnfit: hasUnreadableInput },
        ),
  relay: (request, context) =>
    context.backendKind === 'anthropic'
      ? passedOn(request)
      : carriedStream(context.backendKind, new MessagesEncoder(headOf(request, context))),
  relayWhole: (request, context) => wholeStream(context.backendKind, new MessagesEncoder(headOf(request, context))),
  errorAnswer: anthropicErrorAnswer,
  errorFrame: anthropicErrorFrame,
  answerHeaders: (requestId) => ({ 'request-id': requestId }),
  keepAliveFrame: PING_FRAME,
};
