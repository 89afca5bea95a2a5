import {
  MaximumAppendSizeExceeded,
  StreamIdentifier,
  UUID,
  WrongExpectedVersion,
} from '@eventstore/db-client/generated/shared_pb';
import { BatchAppendReq, type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { Timestamp } from 'google-protobuf/google/protobuf/timestamp_pb';
import type { EncodedEvent, StreamName } from '#kernel';
import {
  AppendOutcomeUnknownError,
  type AppendResult,
  type ExpectedRevision,
  InvalidAppendError,
  WrongExpectedRevisionError,
} from '../port';
import { AccessRefusedError } from './rpc-failure';

export interface Append {
  readonly stream: StreamName;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
}

/**
 * The server compares this with its own clock. An hour tolerates gateways whose clocks are wrong; the caller's timer,
 * not this, bounds how long anybody waits.
 */
const SERVER_DEADLINE_MS = 3_600_000;

/** The server counts with 63 bits; whoever expects more is wrong anyway, and shall be told so like anybody else. */
const REVISION_MAX = 9_223_372_036_854_775_806n;

export function appendRequest(correlationId: string, append: Append): BatchAppendReq {
  const options = new BatchAppendReq.Options();
  options.setStreamIdentifier(streamIdentifier(append.stream));
  options.setDeadline(Timestamp.fromDate(new Date(Date.now() + SERVER_DEADLINE_MS)));
  if (append.expected === 'any') options.setAny(new Empty());
  else if (append.expected === 'no-stream') options.setNoStream(new Empty());
  else options.setStreamPosition((append.expected > REVISION_MAX ? REVISION_MAX : append.expected).toString());
  const request = new BatchAppendReq();
  request.setCorrelationId(uuid(correlationId));
  request.setOptions(options);
  request.setProposedMessagesList(append.events.map(proposedMessage));
  request.setIsFinal(true);
  return request;
}

export function streamIdentifier(stream: string): StreamIdentifier {
  const identifier = new StreamIdentifier();
  identifier.setStreamName(Buffer.from(stream));
  return identifier;
}

/** The canonical bytes travel as they are; called JSON, so that the server's own tools can show and index them. */
function proposedMessage(event: EncodedEvent): BatchAppendReq.ProposedMessage {
  const message = new BatchAppendReq.ProposedMessage();
  message.setId(uuid(event.id));
  message.getMetadataMap().set('type', event.type).set('content-type', 'application/json');
  message.setData(event.body);
  const metadata = tracingMetadata(event.body);
  if (metadata !== undefined) message.setCustomMetadata(Buffer.from(JSON.stringify(metadata)));
  return message;
}

interface TracingMetadata {
  $correlationId?: string;
  $causationId?: string;
}

/** The members by which the server's tools trace a request; the same values stay in the body, where the codec reads. */
function tracingMetadata(body: Uint8Array): TracingMetadata | undefined {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // Most events have neither: a search of the bytes spares them the parse.
  if (!text.includes('"correlation":') && !text.includes('"causation":')) return undefined;
  const { correlation, causation } = parseObject(text.toString());
  const metadata: TracingMetadata = {};
  if (typeof correlation === 'string') metadata.$correlationId = correlation;
  if (typeof causation === 'string') metadata.$causationId = causation;
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}

function parseObject(text: string): { readonly [member: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {}; // A body that is no JSON is stored all the same; it has nothing to trace by.
  }
}

function uuid(text: string): UUID {
  const message = new UUID();
  message.setString(text);
  return message;
}

export function correlationIdOf(answer: BatchAppendResp): string {
  const id = answer.getCorrelationId();
  return id?.hasString() === true ? id.getString() : structuredUuid(id?.getStructured());
}

function structuredUuid(structured: UUID.Structured | undefined): string {
  const high = BigInt.asUintN(64, BigInt(structured?.getMostSignificantBits() ?? '0'));
  const low = BigInt.asUintN(64, BigInt(structured?.getLeastSignificantBits() ?? '0'));
  const hex = high.toString(16).padStart(16, '0') + low.toString(16).padStart(16, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The server gave up waiting for its own write. It also says so, after two seconds, when a repeated append arrives while
 * the first one is being written.
 */
export function isServerTimeout(answer: BatchAppendResp): boolean {
  return answer.getError()?.getDetails()?.getTypeName() === 'event_store.client.Timeout';
}

/** @throws the port's errors: only what the server states as refused counts as not written. */
export function appendResult(append: Append, answer: BatchAppendResp): AppendResult {
  const success = answer.getSuccess();
  const position = success?.getPosition();
  if (success !== undefined && position !== undefined)
    return { revision: BigInt(success.getCurrentRevision()), position: BigInt(position.getCommitPosition()) };
  if (success !== undefined)
    throw new AppendOutcomeUnknownError(`EventStoreDB took an append to ${append.stream} but named no position`);
  throw appendRefusal(append, answer);
}

function appendRefusal({ stream, expected }: Append, answer: BatchAppendResp): Error {
  const error = answer.getError();
  const details = error?.getDetails();
  const kind = details?.getTypeName() ?? '';
  switch (kind) {
    case 'event_store.client.WrongExpectedVersion': {
      const conflict = details?.unpack(WrongExpectedVersion.deserializeBinary, kind);
      const known = conflict?.hasCurrentStreamRevision() === true;
      return new WrongExpectedRevisionError(
        stream,
        expected,
        known ? BigInt(conflict.getCurrentStreamRevision()) : 'no-stream',
      );
    }
    case 'event_store.client.MaximumAppendSizeExceeded': {
      const bytesMax = details?.unpack(MaximumAppendSizeExceeded.deserializeBinary, kind)?.getMaxappendsize();
      return new InvalidAppendError(`an append to ${stream} is larger than the ${bytesMax} bytes this server takes`);
    }
    case 'event_store.client.StreamDeleted':
      return new InvalidAppendError(`${stream} was deleted for ever (tombstoned); nothing can be appended to it`);
    case 'event_store.client.AccessDenied':
      return new AccessRefusedError();
    default:
      return new AppendOutcomeUnknownError(
        `EventStoreDB answered an append to ${stream} with "${error?.getMessage() ?? 'nothing'}"; it may have been written`,
      );
  }
}
