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

function daysOf(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (month === 2) return isLeap ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Parses an RFC 3339 date-time; anything else is `undefined`. */
export function parseInstant(text: string): EpochMs | undefined {
  const [, year, month, day] = RFC3339.exec(text) ?? [];
  // A day that a month does not have would be taken for one of the next: every month has the 28th.
  if (day === undefined || (Number(day) > 28 && Number(day) > daysOf(Number(year), Number(month)))) return undefined;
  const value = Date.parse(text);
  return Number.isNaN(value) ? undefined : epochMs(value);
}
