import { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { Access } from './faults';
import { readEvent, streamIdentifier, streamName } from './messages';
import { fail, type ReadServerCall, recordFilter, send } from './read-call';
import { type LogRecord, NoRecordBoundaryError, type RecordLog } from './record-log';
import { accessDenied, noRecordBoundary, streamDeleted, unknownError } from './rpc-status';
import { SubscriptionSession } from './subscription-session';

const SUBSCRIBED_AFTER_MAX = 1_000;

/** Reads of one stream and of all, and subscriptions. */
export class ReadHandler {
  readonly sessions = new Set<SubscriptionSession>();
  /** The positions after which subscriptions to all began, the newest last. */
  readonly subscribedAfter: bigint[] = [];

  constructor(
    private readonly log: RecordLog,
    private readonly access: Access,
    private readonly liveEventsMax: number,
  ) {}

  async read(call: ReadServerCall): Promise<void> {
    const options = call.request.getOptions();
    if (this.access.refused) return fail(call, accessDenied());
    if (options === undefined) return fail(call, unknownError('a read has no options'));
    try {
      if (options.hasSubscription()) return await this.#subscribe(call, options);
      const stream = options.getStream();
      const ended =
        stream === undefined ? await this.#readAll(call, options) : await this.#readStream(call, options, stream);
      if (ended) call.end();
    } catch (error) {
      fail(call, error instanceof NoRecordBoundaryError ? noRecordBoundary() : unknownError(error));
    }
  }

  async #subscribe(call: ReadServerCall, options: ReadReq.Options): Promise<void> {
    this.subscribedAfter.push(BigInt(options.getAll()?.getPosition()?.getCommitPosition() ?? 0));
    if (this.subscribedAfter.length > SUBSCRIBED_AFTER_MAX) this.subscribedAfter.shift();
    const session = new SubscriptionSession(this.log, call, options, this.liveEventsMax);
    this.sessions.add(session);
    try {
      await session.run();
    } finally {
      this.sessions.delete(session);
    }
  }

  async #readStream(
    call: ReadServerCall,
    options: ReadReq.Options,
    place: ReadReq.Options.StreamOptions,
  ): Promise<boolean> {
    const stream = streamName(place.getStreamIdentifier());
    const view = this.log.view(stream);
    if (view.kind === 'deleted') {
      fail(call, streamDeleted(stream));
      return false;
    }
    if (view.kind === 'missing') {
      const notFound = new ReadResp.StreamNotFound();
      notFound.setStreamIdentifier(streamIdentifier(stream));
      const answer = new ReadResp();
      answer.setStreamNotFound(notFound);
      return send(call, answer);
    }
    const from = place.hasRevision() ? BigInt(place.getRevision()) : undefined;
    const records = isBackwards(options)
      ? view.records.filter((record) => from === undefined || record.revision <= from).reverse()
      : view.records.filter((record) => from === undefined || record.revision >= from);
    return sendRecords(call, records, options);
  }

  async #readAll(call: ReadServerCall, options: ReadReq.Options): Promise<boolean> {
    const place = options.getAll();
    const position = place?.getPosition();
    const at = position === undefined ? undefined : this.log.indexFrom(BigInt(position.getCommitPosition()));
    const records = this.log.records;
    if (isBackwards(options)) {
      const end = at ?? (place?.hasStart() === true ? 0 : records.length);
      return sendRecords(call, inSteps(records, end - 1, -1), options);
    }
    return sendRecords(call, inSteps(records, at ?? (place?.hasEnd() === true ? records.length : 0), 1), options);
  }
}

function* inSteps(records: readonly LogRecord[], from: number, step: 1 | -1): Generator<LogRecord> {
  for (let index = from; ; index += step) {
    const record = records[index];
    if (record === undefined) return;
    yield record;
  }
}

async function sendRecords(
  call: ReadServerCall,
  records: Iterable<LogRecord>,
  options: ReadReq.Options,
): Promise<boolean> {
  const wanted = recordFilter(options);
  let left = Number(options.getCount());
  for (const record of records) {
    if (left <= 0) return true;
    if (!wanted(record)) continue;
    left -= 1;
    if (!(await send(call, readEvent(record)))) return false;
  }
  return true;
}

function isBackwards(options: ReadReq.Options): boolean {
  return options.getReadDirection() === ReadReq.Options.ReadDirection.BACKWARDS;
}
