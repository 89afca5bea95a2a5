import type { EventStoreReader } from '#event-store';
import { type Comparison, compareRecords, copyRecord, differenceSentence } from '#store-copy';
import { type StoreArguments, UsageError } from './arguments';
import { EXIT, type ExitCode } from './exit-codes';
import { appendsInFlightTo, openForReading, openSource, openTarget } from './open-stores';
import { jsonOutput, type Output, type Result, type Streams, textOutput } from './output';
import { isSameStore, parseStoreAddress, type StoreAddress } from './store-address';

interface Job {
  readonly from: StoreAddress;
  readonly to: StoreAddress;
  readonly args: StoreArguments;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** @throws UsageError, StoreOpenError and what #store-copy throws. */
export async function runStoreCommand(args: StoreArguments, streams: Streams, signal: AbortSignal): Promise<ExitCode> {
  const output = args.json ? jsonOutput(streams) : textOutput(streams);
  const from = parseStoreAddress('--from', args.from);
  const to = parseStoreAddress('--to', args.to);
  if (isSameStore(from, to)) throw new UsageError(`--from and --to name the same store, ${from.name}`);
  for (const address of [from, to])
    if (address.kind === 'lmdb' && address.note !== undefined) output.note(address.note);
  const job = { from, to, args, output, signal };
  const result = await (args.action === 'copy' ? copy(job) : verify(job));
  output.result(result);
  return exitCodeOf(result);
}

async function copy({ from, to, args, output, signal }: Job): Promise<Result> {
  const source = openSource(from, args.live);
  return closing([source], async () => {
    // The first question to each store is not waited for: a wrong address should be told at once.
    if ((await source.lastPosition()) === 0n) output.note(`${from.name} holds no event`);
    const target = openTarget(to);
    return closing([target], async () => {
      await target.lastPosition();
      const report = await copyRecord({
        source,
        target,
        appendsInFlightMax: args.appendsInFlightMax ?? appendsInFlightTo(to),
        patienceMs: args.patienceMs,
        signal,
        onProgress: output.progress,
        onWaiting: tellWaiting(output),
      });
      const names = { from: from.name, to: to.name };
      if (report.kind === 'refused')
        return {
          ...names,
          verdict: 'refused',
          sentence: `The target holds something else, and nothing was written to it: ${differenceSentence(report.difference)}.`,
        };
      const { found, written, seconds, comparison } = report;
      return { ...names, copied: { found, written, seconds }, comparison, ...verdictOf(comparison) };
    });
  });
}

async function verify({ from, to, args, output, signal }: Job): Promise<Result> {
  const source = openForReading(from);
  return closing([source], async () => {
    const target = openForReading(to);
    return closing([target], async () => {
      await Promise.all([source.lastPosition(), target.lastPosition()]);
      const comparison = await compareRecords({
        source,
        target,
        patienceMs: args.patienceMs,
        signal,
        onProgress: output.progress,
        onWaiting: tellWaiting(output),
      });
      return { from: from.name, to: to.name, comparison, ...verdictOf(comparison) };
    });
  });
}

function tellWaiting(output: Output): (reason: string) => void {
  return (reason) => output.note(`waiting: ${reason}`);
}

async function closing<T>(stores: readonly EventStoreReader[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    for (const store of stores) await store.close();
  }
}

function verdictOf({ difference, sourceWentOn, end }: Comparison): Pick<Result, 'verdict' | 'sentence'> {
  if (difference?.kind === 'target-ends')
    return {
      verdict: 'incomplete',
      sentence: `The target holds the beginning of the record only: ${differenceSentence(difference)}. Copy the rest.`,
    };
  if (difference !== undefined)
    return { verdict: 'different', sentence: `The stores differ: ${differenceSentence(difference)}.` };
  if (sourceWentOn)
    return {
      verdict: 'incomplete',
      sentence: `Equal up to position ${end} of the source, where this ends; the source is in use and has gone on. Stop what writes to it and run this again for the rest.`,
    };
  return {
    verdict: 'equal',
    sentence: `Equal: both stores hold the same record, which ends at position ${end} of the source.`,
  };
}

function exitCodeOf({ verdict }: Result): ExitCode {
  switch (verdict) {
    case 'equal':
      return EXIT.equal;
    case 'incomplete':
      return EXIT.incomplete;
    case 'different':
    case 'refused':
      return EXIT.different;
  }
}
