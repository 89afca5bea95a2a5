import type { Backend } from '../../catalogue/types';
import type { JsonObject } from '../../json';
import { streamOptions } from '../stream-options';
import type { ChatRequest } from './request';

/** Where the call goes and what was decided about it. */
export interface ChatTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'outputCapField' | 'streamUsage' | 'dropFields'>;
  /** The cap that the ledger granted, per output. */
  readonly outputTokensCap: number;
}

/**
 * The body for the backend: the client's fields, with the backend's name of the model, the granted cap in exactly the
 * one field that the backend reads, and usage asked for in a stream.
 */
export function buildChatUpstream(request: Pick<ChatRequest, 'body' | 'stream'>, target: ChatTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...request.body };
  for (const field of target.backend.dropFields) delete upstream[field];
  const capField = target.backend.outputCapField;
  delete upstream[capField === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens'];
  upstream[capField] = target.outputTokensCap;
  upstream.model = target.upstreamModel;
  upstream.messages = request.body.messages;
  if (request.stream) {
    const options = streamOptions(request.body.stream_options, target.backend.streamUsage);
    if (options === undefined) delete upstream.stream_options;
    else upstream.stream_options = options;
    upstream.stream = true;
  }
  return upstream;
}
