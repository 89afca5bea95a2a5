import type { Backend } from '../../catalogue/types';
import { isJsonObject, type JsonObject } from '../../json';
import type { ChatRequest } from './request';

/** Where the call goes and what was decided about it. */
export interface ChatTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'outputCapField' | 'streamUsage' | 'dropFields'>;
  /** The cap that the ledger granted, per output. */
  readonly outputTokensCap: number;
}

function streamOptions(request: ChatRequest, streamUsage: boolean): JsonObject | undefined {
  const options = request.body.stream_options;
  const rest: Record<string, unknown> = isJsonObject(options) ? { ...options } : {};
  // Usage is always asked for, since the call is metered by it; a backend that does not know the option never sees it.
  if (streamUsage) rest.include_usage = true;
  else delete rest.include_usage;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

/**
 * The body for the backend: the client's fields, with the backend's name of the model, the granted cap in exactly the
 * one field that the backend reads, and usage asked for in a stream.
 */
export function buildChatUpstream(request: ChatRequest, target: ChatTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...request.body };
  for (const field of target.backend.dropFields) delete upstream[field];
  const capField = target.backend.outputCapField;
  delete upstream[capField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'];
  upstream[capField] = target.outputTokensCap;
  upstream.model = target.upstreamModel;
  upstream.messages = request.body.messages;
  if (request.stream) {
    const options = streamOptions(request, target.backend.streamUsage);
    if (options === undefined) delete upstream.stream_options;
    else upstream.stream_options = options;
    upstream.stream = true;
  }
  return upstream;
}
