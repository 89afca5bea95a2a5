/** The middle of some figures, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN] = sorted.slice(Math.ceil(middle) - 1);
  const [high = Number.NaN] = sorted.slice(Math.floor(middle));
  return (low + high) / 2;
}

/** How far the figures lie apart, as a share of their middle: says how noisy the machine was. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
