import type { Branded } from './ids';

/** A moment as whole milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = Branded<number, 'EpochMs'>;

export function epochMs(value: number): EpochMs {
  return value as EpochMs;
}

/** Where time comes from outside the domain; inside it arrives with the command. */
export interface Clock {
  /** Wall-clock time. */
  now(): EpochMs;
  /** Milliseconds that only grow, from an arbitrary start; for measuring how long something took. */
  monotonicMs(): number;
}

/** RFC 3339 in UTC with milliseconds. */
export function formatInstant(at: EpochMs): string {
  return new Date(at).toISOString();
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Parses an RFC 3339 date-time; anything else is `undefined`. */
export function parseInstant(text: string): EpochMs | undefined {
  if (!RFC3339.test(text)) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? undefined : epochMs(value);
}
