import { randomUUID } from 'node:crypto';
import { type ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { checkpoint, readEvent, streamName } from './messages';
import { fail, type ReadServerCall, recordFilter, send } from './read-call';
import type { LogRecord, RecordLog } from './record-log';
import { consumerTooSlow, type RpcStatus } from './rpc-status';

const PAGE_RECORDS = 32;
/** How long a live queue may stay too long before its consumer is dropped. */
const SLOW_MS_MAX = 200;

/** One subscription: history in pages at the consumer's pace, then live from a short queue. */
export class SubscriptionSession {
  readonly #wanted: (record: LogRecord) => boolean;
  readonly #checkpointRecords: number | undefined;
  readonly #live: ReadResp[] = [];
  #overflow: NodeJS.Timeout | undefined;
  #considered = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly log: RecordLog,
    private readonly call: ReadServerCall,
    private readonly options: ReadReq.Options,
    private readonly liveEventsMax: number,
  ) {
    const filter = options.getFilter();
    const stream = options.getStream();
    const name = streamName(stream?.getStreamIdentifier());
    this.#wanted = stream === undefined ? recordFilter(options) : (record) => record.stream === name;
    this.#checkpointRecords =
      filter === undefined
        ? undefined
        : Math.max(filter.getCheckpointintervalmultiplier(), 1) * (filter.hasMax() ? filter.getMax() : PAGE_RECORDS);
    for (const event of ['cancelled', 'close', 'error'] as const) call.on(event, () => this.#end());
  }

  /** Ends as the server's own faults do. */
  drop(reason: RpcStatus): void {
    if (this.#ended) return;
    fail(this.call, reason);
    this.#end();
  }

  async run(): Promise<void> {
    let next = this.#firstIndex();
    if (!(await send(this.call, confirmation()))) return;
    while (next < this.log.records.length) {
      const page = this.log.records.slice(next, next + PAGE_RECORDS);
      next += page.length;
      for (const record of page) if (this.#wanted(record) && !(await send(this.call, readEvent(record)))) return;
      const reached = page.findLast(this.#wanted) ?? page[0];
      const isDue = this.#isCheckpointDue(page.length) && next < this.log.records.length;
      if (isDue && reached !== undefined) await send(this.call, checkpoint(reached.position));
    }
    // Nothing can be appended between the last look at the log and this line.
    const stopListening = this.log.onAppended((record) => this.#enqueue(record));
    try {
      await this.#deliverLive();
    } finally {
      stopListening();
    }
  }

  async #deliverLive(): Promise<void> {
    if (!(await send(this.call, caughtUp()))) return;
    while (!this.#ended) {
      const answer = this.#live.shift();
      if (this.#live.length <= this.liveEventsMax) this.#clearOverflow();
      if (answer !== undefined) {
        if (!(await send(this.call, answer))) return;
      } else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** @throws NoRecordBoundaryError */
  #firstIndex(): number {
    const all = this.options.getAll();
    if (all?.hasEnd() === true) return this.log.records.length;
    const position = all?.getPosition();
    if (position !== undefined) {
      // The record found first is taken for the one at the position, even where that one was scavenged.
      return Math.min(this.log.indexFrom(BigInt(position.getCommitPosition())) + 1, this.log.records.length);
    }
    const stream = this.options.getStream();
    if (stream?.hasEnd() === true) return this.log.records.length;
    if (stream?.hasRevision() !== true) return 0;
    const after = BigInt(stream.getRevision());
    const index = this.log.records.findIndex((record) => this.#wanted(record) && record.revision > after);
    return index < 0 ? this.log.records.length : index;
  }

  #enqueue(record: LogRecord): void {
    if (this.#wanted(record)) this.#live.push(readEvent(record));
    if (this.#isCheckpointDue(1)) this.#live.push(checkpoint(record.position));
    this.#wake?.();
    // A batch arrives here at one instant; only a consumer that leaves it lying is too slow.
    if (this.#live.length > this.liveEventsMax)
      this.#overflow ??= setTimeout(() => this.drop(consumerTooSlow()), SLOW_MS_MAX);
  }

  #clearOverflow(): void {
    clearTimeout(this.#overflow);
    this.#overflow = undefined;
  }

  #isCheckpointDue(records: number): boolean {
    if (this.#checkpointRecords === undefined) return false;
    this.#considered += records;
    if (this.#considered < this.#checkpointRecords) return false;
    this.#considered %= this.#checkpointRecords;
    return true;
  }

  #end(): void {
    this.#ended = true;
    this.#clearOverflow();
    this.#live.length = 0;
    this.#wake?.();
  }
}

function confirmation(): ReadResp {
  const message = new ReadResp.SubscriptionConfirmation();
  message.setSubscriptionId(randomUUID());
  const answer = new ReadResp();
  answer.setConfirmation(message);
  return answer;
}

function caughtUp(): ReadResp {
  const answer = new ReadResp();
  answer.setCaughtUp(new ReadResp.CaughtUp());
  return answer;
}
