import type { Backend, OutputCapField } from '../../catalogue/types';
import type { JsonObject } from '../../json';
import { streamOptions } from '../stream-options';
import type { ChatRequest } from './request';

/** Where the call goes and what was decided about it. */
export interface ChatTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'baseUrl' | 'outputCapField' | 'streamUsage' | 'dropFields'>;
  /** The cap that the ledger granted, per output. */
  readonly outputTokensCap: number;
}

/** Hosts whose newer models refuse `max_tokens`, and whose older ones take the other as well. */
const HOSTS_OF_COMPLETION_TOKENS = [
  'api.openai.com',
  'openai.azure.com',
  'cognitiveservices.azure.com',
  'services.ai.azure.com',
];

/** The field that a host is known to want; `max_tokens` is what every other server understands. */
export function hostsCapField(baseUrl: string): OutputCapField {
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : '';
  const wants = HOSTS_OF_COMPLETION_TOKENS.some((known) => host === known || host.endsWith(`.${known}`));
  return wants ? 'max_completion_tokens' : 'max_tokens';
}

/**
 * The body for the backend: the client's fields, with the backend's name of the model, the granted cap in exactly the
 * one field that the backend reads, and usage asked for in a stream.
 */
export function buildChatUpstream(
  request: Pick<ChatRequest, 'body' | 'stream' | 'outputCapField'>,
  target: ChatTarget,
): JsonObject {
  const upstream: Record<string, unknown> = { ...request.body };
  for (const field of target.backend.dropFields) delete upstream[field];
  const { backend } = target;
  const capField = backend.outputCapField ?? request.outputCapField ?? hostsCapField(backend.baseUrl);
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
