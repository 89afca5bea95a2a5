import { setTimeout as sleep } from 'node:timers/promises';
import { Empty } from '@eventstore/db-client/generated/shared_pb';
import {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  type BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb';
import type { ServerDuplexStream, ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import type { Access, AppendFaults } from './faults';
import {
  BadRequestError,
  batchAccessDenied,
  batchAnswer,
  batchBadRequest,
  batchTimeout,
  batchTooLarge,
  proposedRecord,
  streamIdentifier,
  streamName,
  uuidText,
} from './messages';
import {
  type ExpectedVersion,
  NO_REVISION,
  type ProposedRecord,
  type RecordLog,
  type WriteOutcome,
} from './record-log';
import { appendTooLarge, operationTimedOut, type RpcStatus, streamDeleted, unknownError } from './rpc-status';

/** Only data counts: metadata does not, whatever its size. */
const APPEND_DATA_BYTES_MAX = 1_048_576;

interface Write {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly records: readonly ProposedRecord[];
}

interface UnfinishedWrite extends Write {
  readonly records: ProposedRecord[];
  readonly timer: NodeJS.Timeout;
}

type BatchCall = ServerDuplexStream<BatchAppendReq, BatchAppendResp>;

export class AppendHandlers {
  constructor(
    private readonly log: RecordLog,
    private readonly faults: AppendFaults,
    private readonly access: Access,
    private readonly breakConnections: () => void,
  ) {}

  /** One call carries any number of appends; each is answered under its correlation id. */
  batchAppend(call: BatchCall): void {
    const unfinished = new Map<string, UnfinishedWrite>();
    const forget = (): void => {
      for (const { timer } of unfinished.values()) clearTimeout(timer);
      unfinished.clear();
    };
    call.on('data', (request: BatchAppendReq) => void this.#takeBatch(call, unfinished, request));
    call.on('end', () => call.end());
    call.on('cancelled', forget);
    call.on('close', forget);
    call.on('error', forget);
  }

  async #takeBatch(call: BatchCall, unfinished: Map<string, UnfinishedWrite>, request: BatchAppendReq): Promise<void> {
    const correlationId = request.getCorrelationId();
    const id = uuidText(correlationId);
    const options = request.getOptions();
    const answer = (message: BatchAppendResp, stream: string): void => {
      message.setCorrelationId(correlationId);
      message.setStreamIdentifier(streamIdentifier(stream));
      if (!call.cancelled && !call.destroyed) call.write(message);
    };
    if (options !== undefined && !unfinished.has(id)) {
      const stream = streamName(options.getStreamIdentifier());
      if (this.access.refused) return answer(batchAccessDenied(), stream);
      const timer = setTimeout(() => {
        if (unfinished.delete(id)) answer(batchTimeout(), stream);
      }, remainingMs(options));
      unfinished.set(id, { stream, expected: batchExpectation(options), records: [], timer });
    }
    const write = unfinished.get(id);
    if (write === undefined) return;
    try {
      for (const message of request.getProposedMessagesList()) write.records.push(proposedRecord(message));
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error;
      // As on the server, the write stays unfinished, so the same append is answered again when its deadline passes.
      return answer(batchBadRequest(error.message), write.stream);
    }
    if (dataBytes(write.records) > APPEND_DATA_BYTES_MAX) {
      unfinished.delete(id);
      clearTimeout(write.timer);
      return answer(batchTooLarge(APPEND_DATA_BYTES_MAX), write.stream);
    }
    if (!request.getIsFinal()) return;
    unfinished.delete(id);
    clearTimeout(write.timer);
    await this.#finish(write, (outcome) =>
      answer(outcome === 'timeout' ? batchTimeout() : batchAnswer(write.stream, write.expected, outcome), write.stream),
    );
  }

  /** Writes, and answers as the next fault has it. */
  async #finish(write: Write, answer: (outcome: WriteOutcome | 'timeout') => void): Promise<void> {
    if (this.faults.held !== undefined) await this.faults.held;
    const fault = this.faults.take();
    if (fault?.kind === 'broken-before') return this.breakConnections();
    const outcome = this.log.append(write.stream, write.expected, write.records);
    switch (fault?.kind) {
      case undefined:
        return answer(outcome);
      case 'lost-answer':
        return this.breakConnections();
      case 'silence':
        return;
      case 'late-answer':
        await sleep(fault.delayMs);
        return answer(outcome);
      case 'doubled-answer':
        answer(outcome);
        return answer(outcome);
      case 'server-timeout':
        return answer('timeout');
    }
  }

  /** The older way: one call for each append. */
  append(call: ServerReadableStream<AppendReq, AppendResp>, callback: sendUnaryData<AppendResp>): void {
    const requests: AppendReq[] = [];
    call.on('data', (request: AppendReq) => requests.push(request));
    call.on('end', () => {
      const options = requests[0]?.getOptions();
      const stream = streamName(options?.getStreamIdentifier());
      let records: ProposedRecord[];
      try {
        records = requests.flatMap((request) => {
          const message = request.getProposedMessage();
          return message === undefined ? [] : [proposedRecord(message)];
        });
      } catch (error) {
        return callback(unknownError(error));
      }
      if (dataBytes(records) > APPEND_DATA_BYTES_MAX) return callback(appendTooLarge(APPEND_DATA_BYTES_MAX));
      const expected = appendExpectation(options);
      void this.#finish({ stream, expected, records }, (outcome) => {
        if (outcome === 'timeout') return callback(operationTimedOut());
        const answer = appendAnswer(stream, expected, outcome);
        return answer instanceof AppendResp ? callback(null, answer) : callback(answer);
      });
    });
  }
}

function dataBytes(records: readonly ProposedRecord[]): number {
  return records.reduce((bytes, record) => bytes + record.data.length, 0);
}

function remainingMs(options: BatchAppendReq.Options): number {
  const deadline = options.getDeadline()?.toDate().getTime() ?? Date.now() + 10_000;
  // Node's timers hold 31 bits.
  return Math.min(Math.max(deadline - Date.now(), 0), 2_147_483_647);
}

function batchExpectation(options: BatchAppendReq.Options): ExpectedVersion {
  const { ExpectedStreamPositionCase: Case } = BatchAppendReq.Options;
  switch (options.getExpectedStreamPositionCase()) {
    case Case.STREAM_POSITION:
      return BigInt(options.getStreamPosition());
    case Case.NO_STREAM:
      return 'no-stream';
    case Case.STREAM_EXISTS:
      return 'stream-exists';
    case Case.ANY:
    case Case.EXPECTED_STREAM_POSITION_NOT_SET:
      return 'any';
  }
}

function appendExpectation(options: AppendReq.Options | undefined): ExpectedVersion {
  if (options?.hasRevision() === true) return BigInt(options.getRevision());
  if (options?.hasNoStream() === true) return 'no-stream';
  return options?.hasStreamExists() === true ? 'stream-exists' : 'any';
}

function appendAnswer(stream: string, expected: ExpectedVersion, outcome: WriteOutcome): AppendResp | RpcStatus {
  if (outcome.kind === 'deleted') return streamDeleted(stream);
  const answer = new AppendResp();
  if (outcome.kind === 'written') {
    const position = new AppendResp.Position();
    position.setCommitPosition(outcome.position.toString());
    position.setPreparePosition(outcome.position.toString());
    const success = new AppendResp.Success();
    success.setCurrentRevision(outcome.revision.toString());
    success.setPosition(position);
    answer.setSuccess(success);
    return answer;
  }
  const wrong = new AppendResp.WrongExpectedVersion();
  if (outcome.current === NO_REVISION) wrong.setCurrentNoStream(new Empty());
  else wrong.setCurrentRevision(outcome.current.toString());
  if (expected === 'any') wrong.setExpectedAny(new Empty());
  else if (expected === 'no-stream') wrong.setExpectedNoStream(new Empty());
  else if (expected === 'stream-exists') wrong.setExpectedStreamExists(new Empty());
  else wrong.setExpectedRevision(expected.toString());
  answer.setWrongExpectedVersion(wrong);
  return answer;
}
