/**
 * Numbers in the record are whole, non-negative and safe: an event with another one could be written, but never read
 * again, and a ledger that cannot be read admits nothing.
 */
export function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The nearest whole number in range; what is no number counts as 0. */
export function wholeNumber(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(value)));
}

/** A measured duration in whole milliseconds: clocks give fractions, and a wall clock that was set back negative ones. */
export function wholeMs(durationMs: number): number {
  return wholeNumber(durationMs);
}
