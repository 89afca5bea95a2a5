import {
  type DeleteReq,
  DeleteResp,
  type TombstoneReq,
  TombstoneResp,
} from '@eventstore/db-client/generated/streams_pb';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { streamName } from './messages';
import type { ExpectedVersion, RecordLog, WriteOutcome } from './record-log';
import { type RpcStatus, streamDeleted, wrongExpectedVersion } from './rpc-status';

/** Soft deletes and tombstones. */
export class DeleteHandlers {
  constructor(private readonly log: RecordLog) {}

  delete(call: ServerUnaryCall<DeleteReq, DeleteResp>, callback: sendUnaryData<DeleteResp>): void {
    const options = call.request.getOptions();
    const stream = streamName(options?.getStreamIdentifier());
    const expected = expectation(options);
    const outcome = this.log.softDelete(stream, expected);
    if (outcome.kind !== 'written') {
      callback(refusal(stream, expected, outcome));
      return;
    }
    const position = new DeleteResp.Position();
    position.setCommitPosition(outcome.position.toString());
    position.setPreparePosition(outcome.position.toString());
    const answer = new DeleteResp();
    answer.setPosition(position);
    callback(null, answer);
  }

  tombstone(call: ServerUnaryCall<TombstoneReq, TombstoneResp>, callback: sendUnaryData<TombstoneResp>): void {
    const options = call.request.getOptions();
    const stream = streamName(options?.getStreamIdentifier());
    const expected = expectation(options);
    const outcome = this.log.tombstone(stream, expected);
    if (outcome.kind !== 'written') {
      callback(refusal(stream, expected, outcome));
      return;
    }
    const position = new TombstoneResp.Position();
    position.setCommitPosition(outcome.position.toString());
    position.setPreparePosition(outcome.position.toString());
    const answer = new TombstoneResp();
    answer.setPosition(position);
    callback(null, answer);
  }
}

function expectation(options: DeleteReq.Options | TombstoneReq.Options | undefined): ExpectedVersion {
  if (options?.hasRevision() === true) return BigInt(options.getRevision());
  if (options?.hasNoStream() === true) return 'no-stream';
  return options?.hasStreamExists() === true ? 'stream-exists' : 'any';
}

function refusal(
  stream: string,
  expected: ExpectedVersion,
  outcome: Exclude<WriteOutcome, { kind: 'written' }>,
): RpcStatus {
  return outcome.kind === 'deleted'
    ? streamDeleted(stream)
    : wrongExpectedVersion(stream, expected.toString(), outcome.current);
}
