import type { Range } from '../query';

/** Stretches of one width that follow one another without a gap. */
export type Run = readonly Range[];

function widthOf({ from, before }: Range): number {
  return before - from;
}

/** Cuts stretches into runs, ascending. */
export function runsOf(ranges: readonly Range[]): readonly Run[] {
  const runs: Range[][] = [];
  for (const range of [...ranges].sort((left, right) => left.from - right.from)) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (last !== undefined && last.before === range.from && widthOf(last) === widthOf(range)) run?.push(range);
    else runs.push([range]);
  }
  return runs;
}

/** Where a run begins and ends, and how wide each of its stretches is. */
export function extentOf(run: Run): { readonly from: number; readonly before: number; readonly width: number } {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('a run has at least one stretch');
  return { from: first.from, before: last.before, width: widthOf(first) };
}
