import { type InvalidField, Problem } from '#admin-http';
import { isTimeZone, momentNamed } from '#http-edge';
import { type EpochMs, epochMs } from '#kernel';
import { type Granularity, USAGE_DIMENSIONS, type UsageDimension, type UsageFilter } from '#projections/usage';

/** A query string as Fastify gives it: a parameter that is repeated is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const DAY_MS = 86_400_000;
const GRANULARITIES = ['hour', 'day', 'month', 'total'] as const satisfies readonly Granularity[];

function invalid(errors: readonly InvalidField[]): Problem {
  const message = errors.map((error) => error.message).join(' ');
  return new Problem(422, 'invalid_request', message, { errors });
}

function invalidParameter(name: string, message: string): Problem {
  return invalid([{ pointer: `/${name}`, message }]);
}

function values(query: Query, name: string): readonly string[] {
  const value = query[name];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

export function single(query: Query, name: string): string | undefined {
  const [first, ...rest] = values(query, name);
  if (rest.length > 0) throw invalidParameter(name, `'${name}' is given more than once.`);
  return first;
}

/** In which dates are days, and stretches of a report begin; UTC unless told otherwise. */
export function timeZone(query: Query): string | undefined {
  const name = single(query, 'timeZone');
  if (name !== undefined && !isTimeZone(name))
    throw new Problem(422, 'time_zone_unknown', `"${name}" is no IANA time zone, such as "Asia/Kolkata".`);
  return name;
}

/** A date, which is a day of the zone that the query names, or an RFC 3339 time. */
function moment(query: Query, name: string): EpochMs | undefined {
  const text = single(query, name);
  if (text === undefined) return undefined;
  const at = momentNamed(text, timeZone(query));
  if (at === undefined) throw invalidParameter(name, `'${name}' is a date (2026-01-31) or an RFC 3339 time.`);
  return at;
}

/** `from` inclusive, `to` exclusive; the last seven days unless told otherwise. */
export function range(query: Query, now: EpochMs): { readonly from: EpochMs; readonly to: EpochMs } {
  timeZone(query);
  const to = moment(query, 'to') ?? epochMs(now + 1);
  const from = moment(query, 'from') ?? epochMs(to - 7 * DAY_MS);
  if (from >= to) throw invalidParameter('from', "'from' lies before 'to'.");
  return { from, to };
}

export function granularity(query: Query): Granularity {
  const text = single(query, 'granularity') ?? 'day';
  const known = GRANULARITIES.find((candidate) => candidate === text);
  if (known === undefined)
    throw invalidParameter('granularity', `'granularity' is one of: ${GRANULARITIES.join(', ')}.`);
  return known;
}

function dimension(name: string, text: string): UsageDimension {
  const known = USAGE_DIMENSIONS.find((candidate) => candidate === text);
  if (known === undefined) throw invalidParameter(name, `'${name}' names: ${USAGE_DIMENSIONS.join(', ')}.`);
  return known;
}

/** `groupBy=model,project`, or repeated. */
export function groupBy(query: Query): readonly UsageDimension[] {
  const names = values(query, 'groupBy').flatMap((text) => text.split(','));
  return [...new Set(names.filter((name) => name !== '').map((name) => dimension('groupBy', name)))];
}

/** `where=model:echo&where=outcome:completed`: any of the values per dimension, all of the dimensions. */
export function where(query: Query): UsageFilter {
  const filter: Partial<Record<UsageDimension, string[]>> = {};
  for (const text of values(query, 'where')) {
    const colon = text.indexOf(':');
    if (colon < 1) throw invalidParameter('where', "'where' is <dimension>:<value>, for example where=model:echo.");
    const name = dimension('where', text.slice(0, colon));
    filter[name] = [...(filter[name] ?? []), text.slice(colon + 1)];
  }
  return filter;
}

export function wholeNumber(query: Query, name: string, min: number, max: number): number | undefined {
  const text = single(query, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < min || value > max)
    throw invalidParameter(name, `'${name}' is a whole number from ${min} to ${max}.`);
  return value;
}

/** A position that a command has answered: the reader waits for its own write. */
export function atLeast(query: Query): bigint | undefined {
  const text = single(query, 'atLeast');
  if (text === undefined) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw invalidParameter('atLeast', "'atLeast' is the X-Event-Position of an answer.");
  return BigInt(text);
}
