import type { Backend } from '../../catalogue/types';
import type { JsonObject } from '../../json';
import { streamOptions } from '../stream-options';
import type { CompletionRequest } from './parse-request';

export interface CompletionTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'streamUsage' | 'dropFields'>;
  /** The cap that the ledger granted, per output. */
  readonly outputTokensCap: number;
}

/**
 * The body for the backend. This route has one field for the cap, `max_tokens`, whatever the backend's chat route
 * reads.
 */
export function buildCompletionUpstream(request: CompletionRequest, target: CompletionTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...request.body };
  for (const field of target.backend.dropFields) delete upstream[field];
  upstream.max_tokens = target.outputTokensCap;
  upstream.model = target.upstreamModel;
  upstream.prompt = request.body.prompt;
  if (!request.stream) return upstream;
  const options = streamOptions(request.body.stream_options, target.backend.streamUsage);
  if (options === undefined) delete upstream.stream_options;
  else upstream.stream_options = options;
  upstream.stream = true;
  return upstream;
}
