import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { EventId, StoredEvent, StreamName } from '#kernel';

export type RecordedEvent = ReadResp.ReadEvent.RecordedEvent;

/** The server's own streams and events begin with "$"; they are nobody else's business. */
const SYSTEM_PREFIX = '$';

export function recordedEventOf(answer: ReadResp): RecordedEvent | undefined {
  return answer.getEvent()?.getEvent();
}

export function positionOf(recorded: RecordedEvent): bigint {
  return BigInt(recorded.getCommitPosition());
}

export function streamOf(recorded: RecordedEvent): string {
  return Buffer.from(recorded.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
}

function typeOf(recorded: RecordedEvent): string {
  return recorded.getMetadataMap().get('type') ?? '';
}

export function idOf(recorded: RecordedEvent): string {
  return recorded.getId()?.getString() ?? '';
}

export function isSystemEvent(recorded: RecordedEvent): boolean {
  return streamOf(recorded).startsWith(SYSTEM_PREFIX) || typeOf(recorded).startsWith(SYSTEM_PREFIX);
}

/** The bytes are those that were appended, never parsed on the way: broken JSON comes back as it is, for its reader. */
export function toStoredEvent(recorded: RecordedEvent): StoredEvent {
  return {
    id: idOf(recorded) as EventId,
    type: typeOf(recorded),
    body: recorded.getData_asU8(),
    stream: streamOf(recorded) as StreamName,
    revision: BigInt(recorded.getStreamRevision()),
    position: positionOf(recorded),
  };
}
