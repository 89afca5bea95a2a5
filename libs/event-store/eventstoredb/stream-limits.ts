import { randomUUID } from 'node:crypto';
import type { EncodedEvent, EventId, StreamName } from '#kernel';
import { canonicalJson } from '#kernel';

/** How much of a stream the server shows; the rest it may drop when it is scavenged. */
export interface StreamLimits {
  readonly maxCount?: number;
  readonly maxAgeSeconds?: number;
}

const INTEGER_MAX = 2_147_483_647;

/** Where the server keeps what holds for a stream. */
export function metadataStream(stream: StreamName): StreamName {
  return `$$${stream}` as StreamName;
}

/**
 * The event by which the server learns limits; it replaces all that was said of the stream before.
 * @throws RangeError when a limit is none that the server would keep to.
 */
export function limitsEvent({ maxCount, maxAgeSeconds }: StreamLimits): EncodedEvent {
  for (const limit of [maxCount, maxAgeSeconds])
    if (limit !== undefined && !(Number.isInteger(limit) && limit > 0 && limit <= INTEGER_MAX))
      throw new RangeError(`a limit of a stream is a whole number from 1 to ${INTEGER_MAX}, not ${limit}`);
  const body = canonicalJson({ $maxAge: maxAgeSeconds, $maxCount: maxCount });
  return { id: randomUUID() as string as EventId, type: '$metadata', body: Buffer.from(body) };
}
