import type { EventStoreReader } from '#event-store';
import type { StoredEvent, StreamName } from '#kernel';
import { type Difference, isSameEvent } from './difference';
import { truncatedHeartbeats } from './heartbeat-streams';
import type { PatienceOptions } from './patience';
import { type Progress, ProgressMeter } from './progress';
import { readRecord } from './record-reader';
import { type RecordSummary, RecordTally } from './record-tally';
import { differingHead } from './stream-heads';

export interface CompareOptions extends PatienceOptions {
  readonly source: EventStoreReader;
  readonly target: EventStoreReader;
  /** Of the source: what was appended after it is not looked at. Default: its last position now. */
  readonly end?: bigint;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Comparison {
  /** Absent: both stores hold the same events in the same order. */
  readonly difference?: Difference;
  readonly source: RecordSummary;
  readonly target: RecordSummary;
  /** Heartbeat streams without their beginning, which were left out of everything above. */
  readonly leftOut: readonly StreamName[];
  /** Where reading the source ended. */
  readonly end: bigint;
  /** Whether the source held more than that when the comparison was done. */
  readonly sourceWentOn: boolean;
}

/** What to leave out of both stores, and where they end. */
export async function boundsOf(options: CompareOptions) {
  const { source, target } = options;
  const end = options.end ?? (await source.lastPosition());
  const targetEnd = await target.lastPosition();
  const leaveOut = await truncatedHeartbeats(source, end, options);
  for (const stream of await truncatedHeartbeats(target, targetEnd, options)) leaveOut.add(stream);
  return { end, targetEnd, leaveOut };
}

/**
 * Reads both stores from the beginning and compares event by event, then the last event of each stream as that stream
 * shows it.
 * @throws RecordNotWholeError when a store has lost events of a stream that is no heartbeat's.
 */
export async function compareRecords(options: CompareOptions): Promise<Comparison> {
  const { source, target, signal } = options;
  const { end, targetEnd, leaveOut } = await boundsOf(options);
  const bounds = { ...options, leaveOut };
  const tallies = { source: new RecordTally('the source'), target: new RecordTally('the target') };
  const meter = new ProgressMeter(end, options.onProgress);
  meter.begin('verifying', 0n);
  let difference: Difference | undefined;
  const records = pairs(readRecord(source, { ...bounds, end }), readRecord(target, { ...bounds, end: targetEnd }));
  for await (const pair of records) {
    signal?.throwIfAborted();
    difference ??= differenceOf(pair, tallies.source.events);
    if (pair.source !== undefined) tallies.source.add(pair.source);
    if (pair.target !== undefined) tallies.target.add(pair.target);
    meter.add(1, tallies.source.position);
  }
  if (difference === undefined)
    for (const [name, store] of [
      ['source', source],
      ['target', target],
    ] as const)
      difference ??= await differingHead(name, store, tallies[name].heads, signal);
  return {
    ...(difference === undefined ? {} : { difference }),
    source: tallies.source.finish(),
    target: tallies.target.finish(),
    leftOut: [...leaveOut].sort(),
    end,
    sourceWentOn: (await source.lastPosition()) > end,
  };
}

interface Pair {
  readonly source: StoredEvent | undefined;
  readonly target: StoredEvent | undefined;
}

function differenceOf({ source, target }: Pair, index: number): Difference | undefined {
  if (source === undefined) return target && { kind: 'target-goes-on', index, target };
  if (target === undefined) return { kind: 'target-ends', index, source };
  return isSameEvent(source, target) ? undefined : { kind: 'other-event', index, source, target };
}

/** The events of two records side by side, until both have ended. */
async function* pairs(source: AsyncGenerator<StoredEvent>, target: AsyncGenerator<StoredEvent>): AsyncGenerator<Pair> {
  try {
    for (;;) {
      const [left, right] = await Promise.all([source.next(), target.next()]);
      if (left.done === true && right.done === true) return;
      yield {
        source: left.done === true ? undefined : left.value,
        target: right.done === true ? undefined : right.value,
      };
    }
  } finally {
    await source.return(undefined);
    await target.return(undefined);
  }
}
