import type { ApiKeyId, StreamName } from '#kernel';
import { parseId } from '#kernel';

export const API_KEY_STREAM_PREFIX = 'apiKey-';

export function apiKeyStream(id: ApiKeyId): StreamName {
  return `${API_KEY_STREAM_PREFIX}${id}` as StreamName;
}

/** The key that a stream is about; `undefined` for every other stream. */
export function parseApiKeyStream(stream: string): ApiKeyId | undefined {
  return stream.startsWith(API_KEY_STREAM_PREFIX)
    ? parseId('key', stream.slice(API_KEY_STREAM_PREFIX.length))
    : undefined;
}
