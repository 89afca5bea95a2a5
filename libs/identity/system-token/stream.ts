import type { StreamName, SystemTokenId } from '#kernel';
import { parseId } from '#kernel';

export const SYSTEM_TOKEN_STREAM_PREFIX = 'systemToken-';

export function systemTokenStream(id: SystemTokenId): StreamName {
  return `${SYSTEM_TOKEN_STREAM_PREFIX}${id}` as StreamName;
}

/** The token that a stream is about; `undefined` for every other stream. */
export function parseSystemTokenStream(stream: string): SystemTokenId | undefined {
  return stream.startsWith(SYSTEM_TOKEN_STREAM_PREFIX)
    ? parseId('tok', stream.slice(SYSTEM_TOKEN_STREAM_PREFIX.length))
    : undefined;
}
