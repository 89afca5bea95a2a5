import { IANAZone } from 'luxon';
import { type EpochMs, epochMs, parseInstant } from '#kernel';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export function isTimeZone(name: string): boolean {
  return IANAZone.isValidZone(name);
}

/** The first moment at which clocks of a zone show a local time or a later one, where they skip it. */
function firstShowing(local: number, zone: IANAZone, earliest: number, latest: number): number {
  let [before, after] = [earliest, latest];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (middle + zone.offset(middle) * MINUTE_MS >= local) after = middle;
    else before = middle;
  }
  return after;
}

/**
 * When a day begins in a time zone: at its midnight; at the first of two, where clocks go back over it; at the first
 * moment that there is, where they skip it.
 *
 * @param midnight the day's midnight, as if the zone were UTC.
 */
function dayStart(midnight: EpochMs, zone: IANAZone): EpochMs {
  // No clock is changed twice within two days: one of these holds at the day's beginning.
  const offsets = [zone.offset(midnight - DAY_MS), zone.offset(midnight + DAY_MS)].map(
    (minutes) => minutes * MINUTE_MS,
  );
  const moments = offsets.map((offset) => midnight - offset);
  const shown = moments.filter((moment) => moment + zone.offset(moment) * MINUTE_MS === midnight);
  if (shown.length > 0) return epochMs(Math.min(...shown));
  return epochMs(firstShowing(midnight, zone, Math.min(...moments) - 1, Math.max(...moments)));
}

/**
 * The moment that a parameter names: an RFC 3339 time, or a date, which stands for the beginning of that day in the named
 * zone. `undefined` for anything else.
 *
 * @param timeZone one that `isTimeZone` knows.
 */
export function momentNamed(text: string, timeZone = 'UTC'): EpochMs | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return parseInstant(text);
  const midnight = parseInstant(`${text}T00:00:00Z`);
  return midnight === undefined ? undefined : dayStart(midnight, IANAZone.create(timeZone));
}
