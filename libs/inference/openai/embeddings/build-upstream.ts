import type { Backend } from '../../catalogue/types';
import type { JsonObject } from '../../json';
import type { EmbeddingRequest } from './parse-request';

export interface EmbeddingTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'dropFields'>;
}

/** The body for the backend. Base64 is passed on where it was asked for: it is a third of the bytes. */
export function buildEmbeddingUpstream(request: EmbeddingRequest, target: EmbeddingTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...request.body };
  for (const field of target.backend.dropFields) delete upstream[field];
  delete upstream.stream;
  upstream.model = target.upstreamModel;
  upstream.input = request.body.input;
  return upstream;
}
