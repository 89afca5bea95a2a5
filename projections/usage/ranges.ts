import { DateTime, IANAZone } from 'luxon';
import { type EpochMs, epochMs } from '#kernel';
import type { Range } from '#read-store';
import { QueryRefusedError } from '../common';
import { GRAIN_MS, type Grain } from './tables';
import type { AnsweredRange, Granularity, UsageRangeParams } from './types';

/** A report has at most so many stretches of time: 13 months of hours. */
export const STRETCHES_MAX = 9_600;

export interface Stretch {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

const QUARTER_MS = GRAIN_MS.quarters;

function floorTo(at: number, ms: number): number {
  return Math.floor(at / ms) * ms;
}

function ceilTo(at: number, ms: number): number {
  return Math.ceil(at / ms) * ms;
}

/** The years that RFC 3339 can name: no answer says more than a client may ask. */
const NAMED = { from: Date.parse('0000-01-01T00:00:00Z'), to: Date.parse('9999-12-31T23:45:00Z') };

/** Widens the range to whole quarters of an hour. @throws QueryRefusedError */
export function answeredRange({ from, to, granularity, timeZone = 'UTC' }: UsageRangeParams): AnsweredRange {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from >= to)
    throw new QueryRefusedError('range_invalid', '"from" must be before "to".');
  if (!IANAZone.isValidZone(timeZone))
    throw new QueryRefusedError('time_zone_unknown', `"${timeZone}" is no IANA time zone, such as "Asia/Kolkata".`);
  const first = Math.min(Math.max(NAMED.from, floorTo(from, QUARTER_MS)), NAMED.to - QUARTER_MS);
  const last = Math.max(first + QUARTER_MS, Math.min(NAMED.to, ceilTo(to, QUARTER_MS)));
  return { from: epochMs(first), to: epochMs(last), granularity, timeZone };
}

/** How far a zone lies from UTC. Luxon asks the system anew each time, which a year of hours would feel. */
class Offsets {
  #from = 0;
  #before = 0;
  #minutes = 0;

  constructor(private readonly zone: IANAZone) {}

  /** In minutes. */
  at(moment: number): number {
    if (this.#from <= moment && moment < this.#before) return this.#minutes;
    const minutes = this.zone.offset(moment);
    // No clock is changed and changed back within a day: what holds at both ends of one holds throughout.
    const end = moment + GRAIN_MS.days;
    if (this.zone.offset(end) === minutes) [this.#from, this.#before, this.#minutes] = [moment, end, minutes];
    return minutes;
  }
}

/** The end of the local hour; where a clock is changed by less than an hour, that hour is a shorter one. */
function nextHour(at: number, offsets: Offsets): number {
  return at + GRAIN_MS.hours - ((at + offsets.at(at) * 60_000) % GRAIN_MS.hours);
}

function nextStart(at: number, unit: Exclude<Granularity, 'total'>, zone: IANAZone, offsets: Offsets): number {
  if (unit === 'hour') return nextHour(at, offsets);
  return DateTime.fromMillis(at, { zone })
    .startOf(unit)
    .plus({ [unit]: 1 })
    .startOf(unit)
    .toMillis();
}

/** The local hours, days or months of a range, the first and the last cut to it. @throws QueryRefusedError */
export function stretchesOf({ from, to, granularity, timeZone }: AnsweredRange): readonly Stretch[] {
  if (granularity === 'total') return [{ from, to }];
  const zone = IANAZone.create(timeZone);
  const offsets = new Offsets(zone);
  const stretches: Stretch[] = [];
  for (let at: number = from; at < to; ) {
    if (stretches.length >= STRETCHES_MAX)
      throw new QueryRefusedError(
        'range_invalid',
        `The range holds more than ${STRETCHES_MAX} ${granularity}s; ask for a shorter one or a coarser granularity.`,
      );
    const end = Math.min(to, nextStart(at, granularity, zone, offsets));
    if (end % QUARTER_MS !== 0)
      throw new QueryRefusedError(
        'range_invalid',
        `${timeZone} did not lie whole quarters of an hour from UTC then; ask in UTC.`,
      );
    stretches.push({ from: epochMs(at), to: epochMs(end) });
    at = end;
  }
  return stretches;
}

const COARSER = { quarters: 'hours', hours: 'days', days: undefined } as const;

function cut(into: Record<Grain, Range[]>, grain: Grain, from: number, before: number, label: number): void {
  if (from >= before) return;
  const coarser = COARSER[grain];
  if (coarser === undefined) {
    into[grain].push({ from, before, label });
    return;
  }
  const [first, last] = [ceilTo(from, GRAIN_MS[coarser]), floorTo(before, GRAIN_MS[coarser])];
  if (first >= last) {
    into[grain].push({ from, before, label });
    return;
  }
  if (from < first) into[grain].push({ from, before: first, label });
  cut(into, coarser, first, last, label);
  if (last < before) into[grain].push({ from: last, before, label });
}

/** Cuts each stretch into the coarsest rows that fill it exactly; labels are the stretches' indexes. */
export function rangesByGrain(stretches: readonly Stretch[]): Readonly<Record<Grain, readonly Range[]>> {
  const ranges: Record<Grain, Range[]> = { quarters: [], hours: [], days: [] };
  for (const [label, { from, to }] of stretches.entries()) cut(ranges, 'quarters', from, to, label);
  return ranges;
}
