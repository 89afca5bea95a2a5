import { type ChatRequest, errorAnswer, errorFrame, parseChatRequest } from '#inference/openai';
import type { Dialect } from '../calls/dialect';
import { chatAnswer, chatRefusal, chatStream, chatUpstream, wholeChatStream } from './chat-calls';

/** `POST /v1/chat/completions`. */
export const openAiChat: Dialect<ChatRequest> = {
  endpoint: 'chat',
  operation: 'chat',
  modelKinds: ['chat'],
  parse: parseChatRequest,
  refusalFor: chatRefusal,
  buildUpstream: chatUpstream,
  readAnswer: (request, body, context) => chatAnswer(request, body, context),
  relay: chatStream,
  relayWhole: wholeChatStream,
  errorAnswer,
  errorFrame,
};
