import { type EncodedEvent, parseEventId, type StreamName } from '#kernel';
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  EVENT_TYPE_LENGTH_MAX,
  type ExpectedRevision,
  InvalidAppendError,
  STREAM_NAME_BYTES_MAX,
} from './port';

/** Names that begin so belong to the store itself. */
const SYSTEM_STREAM_PREFIX = '$';

/** The rules that every adapter checks before it writes or sends anything. @throws InvalidAppendError */
export function assertValidAppend(
  stream: StreamName,
  expected: ExpectedRevision,
  events: readonly EncodedEvent[],
): void {
  if (stream === '' || stream.startsWith(SYSTEM_STREAM_PREFIX))
    throw new InvalidAppendError(`"${stream}" is no stream name: it must not be empty or begin with "$"`);
  if (!stream.isWellFormed()) throw new InvalidAppendError('a stream name holds a lone surrogate');
  // A UTF-16 unit takes at most three bytes, so short names need no encoding to be measured.
  if (stream.length * 3 > STREAM_NAME_BYTES_MAX && Buffer.byteLength(stream) > STREAM_NAME_BYTES_MAX)
    throw new InvalidAppendError(`a stream name has more than ${STREAM_NAME_BYTES_MAX} bytes: ${stream.slice(0, 80)}…`);
  if (typeof expected === 'bigint' && expected < 0n)
    throw new InvalidAppendError(`${expected} is no revision of ${stream}; say "no-stream" when it has no event yet`);
  if (events.length === 0) throw new InvalidAppendError(`an append to ${stream} holds no event`);
  if (events.length > APPEND_EVENTS_MAX)
    throw new InvalidAppendError(
      `an append to ${stream} holds ${events.length} events; at most ${APPEND_EVENTS_MAX} fit`,
    );
  let bytes = 0;
  for (const event of events) {
    if (parseEventId(event.id) === undefined)
      throw new InvalidAppendError(`"${event.id}" in an append to ${stream} is no event id (a lower-case UUID)`);
    if (event.type === '') throw new InvalidAppendError(`event ${event.id} in an append to ${stream} has no type`);
    if (event.type.length > EVENT_TYPE_LENGTH_MAX)
      throw new InvalidAppendError(
        `event ${event.id} in an append to ${stream} has a type of more than ${EVENT_TYPE_LENGTH_MAX} characters`,
      );
    bytes += event.body.length;
  }
  if (bytes > APPEND_BYTES_MAX)
    throw new InvalidAppendError(`an append to ${stream} has ${bytes} bytes; at most ${APPEND_BYTES_MAX} fit`);
}
