import type { ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { type EpochMs, type EventId, epochMs, type StoredEvent, type StreamName } from '#kernel';

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

const TICKS_PER_MS = 10_000n;

/** When the server recorded it, by the server's clock; `undefined` when it does not say. */
export function recordedTimeOf(recorded: RecordedEvent): EpochMs | undefined {
  const ticks = recorded.getMetadataMap().get('created') ?? '';
  return /^\d+$/.test(ticks) ? epochMs(Number(BigInt(ticks) / TICKS_PER_MS)) : undefined;
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
