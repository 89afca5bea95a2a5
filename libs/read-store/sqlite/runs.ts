import type { Range } from '../query';

/** Stretches that follow one another without a gap. */
export type Run = readonly Range[];

/** Cuts stretches into runs, ascending. */
export function runsOf(ranges: readonly Range[]): readonly Run[] {
  const runs: Range[][] = [];
  for (const range of [...ranges].sort((left, right) => left.from - right.from)) {
    const last = runs.at(-1);
    if (last?.at(-1)?.before === range.from) last.push(range);
    else runs.push([range]);
  }
  return runs;
}

/** The width of the stretches, where all of them are equally wide and hold several steps. */
export function widthOf(run: Run, step = 1): number | undefined {
  const widths = new Set(run.map(({ from, before }) => before - from));
  const [width] = widths;
  return widths.size === 1 && width !== undefined && width > step ? width : undefined;
}

/** The label of the stretch that holds a value, which lies within the run. */
export function labelIn(run: Run, value: number): number | undefined {
  let [low, high] = [0, run.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((run[middle]?.from ?? Number.POSITIVE_INFINITY) <= value) low = middle;
    else high = middle - 1;
  }
  return run[low]?.label;
}
