import * as shared from '@eventstore/db-client/generated/shared_pb';
import { Status } from '@eventstore/db-client/generated/status_pb';
import { BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { Message } from 'google-protobuf';
import { Any } from 'google-protobuf/google/protobuf/any_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import {
  type ExpectedVersion,
  type LogRecord,
  NO_REVISION,
  type ProposedRecord,
  type WriteOutcome,
} from './record-log';

export function streamName(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString();
}

export function streamIdentifier(name: string): shared.StreamIdentifier {
  const identifier = new shared.StreamIdentifier();
  identifier.setStreamName(Buffer.from(name));
  return identifier;
}

export function uuidText(uuid: shared.UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (structured === undefined) return uuid?.getString() ?? '';
  const half = (bits: string): string => BigInt.asUintN(64, BigInt(bits)).toString(16).padStart(16, '0');
  const hex = half(structured.getMostSignificantBits()) + half(structured.getLeastSignificantBits());
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

interface ProposedMessage {
  getId(): shared.UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}

/** An event that the server cannot take; the message is the server's own. */
export class BadRequestError extends Error {
  override readonly name = 'BadRequestError';
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** @throws BadRequestError */
export function proposedRecord(message: ProposedMessage): ProposedRecord {
  const id = uuidText(message.getId());
  const type = message.getMetadataMap().get('type') ?? '';
  if (!UUID.test(id)) throw new BadRequestError('Guid should contain 32 digits with 4 dashes.');
  if (type === '') throw new BadRequestError('Empty eventType provided.');
  return {
    id: id.toLowerCase(),
    type,
    isJson: message.getMetadataMap().get('content-type') === 'application/json',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

export function readEvent(record: LogRecord): ReadResp {
  const id = new shared.UUID();
  id.setString(record.id);
  const recorded = new ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(id);
  recorded.setStreamIdentifier(streamIdentifier(record.stream));
  recorded.setStreamRevision(record.revision.toString());
  recorded.setPreparePosition(record.position.toString());
  recorded.setCommitPosition(record.position.toString());
  recorded
    .getMetadataMap()
    .set('type', record.type)
    .set('created', record.createdTicks.toString())
    .set('content-type', record.isJson ? 'application/json' : 'application/octet-stream');
  recorded.setCustomMetadata(record.metadata);
  recorded.setData(record.data);
  const event = new ReadResp.ReadEvent();
  event.setEvent(recorded);
  event.setCommitPosition(record.position.toString());
  const answer = new ReadResp();
  answer.setEvent(event);
  return answer;
}

export function checkpoint(position: bigint): ReadResp {
  const message = new ReadResp.Checkpoint();
  message.setCommitPosition(position.toString());
  message.setPreparePosition(position.toString());
  const answer = new ReadResp();
  answer.setCheckpoint(message);
  return answer;
}

export function batchSuccess(revision: bigint, position: bigint): BatchAppendResp {
  const place = new shared.AllStreamPosition();
  place.setCommitPosition(position.toString());
  place.setPreparePosition(position.toString());
  const success = new BatchAppendResp.Success();
  success.setCurrentRevision(revision.toString());
  success.setPosition(place);
  const answer = new BatchAppendResp();
  answer.setSuccess(success);
  return answer;
}

type ErrorName =
  | 'AccessDenied'
  | 'StreamDeleted'
  | 'Timeout'
  | 'MaximumAppendSizeExceeded'
  | 'WrongExpectedVersion'
  | 'BadRequest';

function batchError(name: ErrorName, details: Message): BatchAppendResp {
  const any = new Any();
  any.pack(details.serializeBinary(), `event_store.client.${name}`);
  const status = new Status();
  status.setMessage(name);
  status.setDetails(any);
  const answer = new BatchAppendResp();
  answer.setError(status);
  return answer;
}

export function batchTimeout(): BatchAppendResp {
  return batchError('Timeout', new shared.Timeout());
}

export function batchAccessDenied(): BatchAppendResp {
  return batchError('AccessDenied', new shared.AccessDenied());
}

export function batchBadRequest(message: string): BatchAppendResp {
  const details = new shared.BadRequest();
  details.setMessage(message);
  return batchError('BadRequest', details);
}

export function batchTooLarge(bytesMax: number): BatchAppendResp {
  const details = new shared.MaximumAppendSizeExceeded();
  details.setMaxappendsize(bytesMax);
  return batchError('MaximumAppendSizeExceeded', details);
}

export function batchAnswer(stream: string, expected: ExpectedVersion, outcome: WriteOutcome): BatchAppendResp {
  switch (outcome.kind) {
    case 'written':
      return batchSuccess(outcome.revision, outcome.position);
    case 'deleted': {
      const details = new shared.StreamDeleted();
      details.setStreamIdentifier(streamIdentifier(stream));
      return batchError('StreamDeleted', details);
    }
    case 'wrong-expected-version': {
      const details = new shared.WrongExpectedVersion();
      if (outcome.current === NO_REVISION) details.setCurrentNoStream(new Empty());
      else details.setCurrentStreamRevision(outcome.current.toString());
      if (expected === 'any') details.setExpectedAny(new Empty());
      else if (expected === 'no-stream') details.setExpectedNoStream(new Empty());
      else if (expected === 'stream-exists') details.setExpectedStreamExists(new Empty());
      else details.setExpectedStreamPosition(expected.toString());
      return batchError('WrongExpectedVersion', details);
    }
  }
}
