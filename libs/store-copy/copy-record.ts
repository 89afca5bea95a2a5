import type { EventStore, EventStoreReader } from '#event-store';
import type { StoredEvent } from '#kernel';
import { appendRuns } from './append-runs';
import { boundsOf, type Comparison, compareRecords } from './compare-records';
import { type Difference, isSameEvent } from './difference';
import type { PatienceOptions } from './patience';
import { type Progress, ProgressMeter } from './progress';
import { readRecord } from './record-reader';
import { RecordTally } from './record-tally';
import { RunWriter } from './run-writer';

export interface CopyOptions extends PatienceOptions {
  readonly source: EventStoreReader;
  readonly target: EventStore;
  /**
   * Appends that are begun before the first of them is answered. More than one only where the target writes them in the
   * order in which they were begun. Default: 1.
   */
  readonly appendsInFlightMax?: number;
  readonly onProgress?: (progress: Progress) => void;
}

export type CopyReport =
  /** The target holds something else than a beginning of the source's record; nothing was written. */
  | { readonly kind: 'refused'; readonly difference: Difference }
  | {
      readonly kind: 'copied';
      /** Events that the target held already. */
      readonly found: number;
      /** Events that were appended now. */
      readonly written: number;
      /** Seconds that appending took. */
      readonly seconds: number;
      /** Both stores, read anew after the last append. */
      readonly comparison: Comparison;
    };

/**
 * Appends to the target what it lacks of the source's record, in the source's order; every event keeps its id, type,
 * stream, revision and bytes. What the target holds must be the beginning of that record, so a copy that was broken off
 * anywhere goes on where it ended.
 * @throws RecordNotWholeError, TargetInUseError, the stores' errors, or the signal's reason.
 */
export async function copyRecord(options: CopyOptions): Promise<CopyReport> {
  const { source, target } = options;
  const { end, targetEnd, leaveOut } = await boundsOf(options);
  const meter = new ProgressMeter(end, options.onProgress);
  const tally = new RecordTally('the source');
  const record = readRecord(source, { ...options, end, leaveOut });
  const held = readRecord(target, { ...options, end: targetEnd, leaveOut });
  try {
    const difference = await differenceFromBeginning(record, held, tally, meter);
    if (difference !== undefined) return { kind: 'refused', difference };
    const found = tally.events;
    meter.begin('copying', tally.position);
    const startedAtMs = performance.now();
    const written = await appendRest(record, tally, meter, options);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const comparison = await compareRecords({ ...options, end });
    return { kind: 'copied', found, written, seconds, comparison };
  } finally {
    await record.return(undefined);
    await held.return(undefined);
  }
}

/** Takes as much from the record as the target holds. */
async function differenceFromBeginning(
  record: AsyncGenerator<StoredEvent>,
  held: AsyncGenerator<StoredEvent>,
  tally: RecordTally,
  meter: ProgressMeter,
): Promise<Difference | undefined> {
  meter.begin('comparing', 0n);
  for (;;) {
    const target = await held.next();
    if (target.done === true) return undefined;
    const source = await record.next();
    const index = tally.events;
    if (source.done === true) return { kind: 'target-goes-on', index, target: target.value };
    if (!isSameEvent(source.value, target.value))
      return { kind: 'other-event', index, source: source.value, target: target.value };
    tally.add(source.value);
    meter.add(1, source.value.position);
  }
}

async function appendRest(
  record: AsyncGenerator<StoredEvent>,
  tally: RecordTally,
  meter: ProgressMeter,
  options: CopyOptions,
): Promise<number> {
  let written = 0;
  const writer = new RunWriter(
    options.target,
    options.appendsInFlightMax ?? 1,
    ({ events }) => {
      written += events.length;
      meter.add(events.length, events.at(-1)?.position ?? 0n);
    },
    options,
  );
  for await (const run of appendRuns(record)) {
    options.signal?.throwIfAborted();
    for (const event of run.events) tally.add(event);
    await writer.add(run);
  }
  await writer.flush();
  return written;
}
