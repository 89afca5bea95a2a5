import type { Backend } from '../catalogue/types';
import type { JsonObject } from '../json';

export interface MessagesTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'dropFields'>;
  /** The cap that the ledger granted. */
  readonly outputTokensCap: number;
}

/** The body for the backend: the client's fields, with the backend's name of the model and the granted cap. */
export function buildMessagesUpstream(body: JsonObject, stream: boolean, target: MessagesTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...body };
  for (const field of target.backend.dropFields) delete upstream[field];
  upstream.model = target.upstreamModel;
  upstream.messages = body.messages;
  upstream.max_tokens = target.outputTokensCap;
  if (stream) upstream.stream = true;
  else delete upstream.stream;
  return upstream;
}
