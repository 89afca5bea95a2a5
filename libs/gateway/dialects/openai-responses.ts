import {
  encodeResponse,
  errorAnswer,
  parseResponsesRequest,
  ResponsesEncoder,
  type ResponsesRequest,
  readResponsesCall,
  responsesFailure,
} from '#inference/openai';
import type { AnswerContext, Dialect } from '../calls/dialect';
import { carriedAnswer, carriedStream, carriedUpstream, carryRefusal, wholeStream } from './carry';

function headOf(request: ResponsesRequest, { requestId, createdSeconds }: AnswerContext) {
  return { requestId, createdSeconds, clientModel: request.model };
}

/**
 * `POST /v1/responses`, the part of it that needs no memory. Most servers that speak OpenAI's dialect lack this route,
 * so every backend is spoken to through its chat.
 */
export const openAiResponses: Dialect<ResponsesRequest> = {
  endpoint: 'responses',
  operation: 'chat',
  modelKinds: ['chat'],
  parse: parseResponsesRequest,
  refusalFor: (request, kind) => carryRefusal((carrying) => readResponsesCall(request.body, carrying), kind, request),
  buildUpstream: (request, target) =>
    carriedUpstream((carrying) => readResponsesCall(request.body, carrying), request, target),
  readAnswer: (request, text, context) =>
    carriedAnswer(
      context.backendKind,
      text,
      (events, ...settled) => encodeResponse(events, headOf(request, context), request.body, ...settled),
      { request: request.body },
    ),
  relay: (request, context) =>
    carriedStream(context.backendKind, new ResponsesEncoder(headOf(request, context), request.body)),
  relayWhole: (request, context) =>
    wholeStream(context.backendKind, new ResponsesEncoder(headOf(request, context), request.body)),
  errorAnswer,
  errorFrame: (code, options, request, context) =>
    responsesFailure(headOf(request, context), request.body, code, options),
};
