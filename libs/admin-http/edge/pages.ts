import { invalidField } from '../problems/problem';

export const PAGE_ITEMS_MAX = 200;
const PAGE_ITEMS_DEFAULT = 50;

export type Query = Readonly<Record<string, unknown>>;

export interface Page<T> {
  readonly data: readonly T[];
  /** Where the next page begins: the `after` to send; `null` at the end. */
  readonly next: string | null;
}

function textOf(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalidField(`/${name}`, `Send ${name} once.`);
  return value;
}

/** A position that a command answered with; the read is to know everything up to it. */
export function positionIn(query: Query): bigint | undefined {
  const text = textOf(query, 'atLeast');
  if (text === undefined) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw invalidField('/atLeast', 'atLeast is the X-Event-Position of a command.');
  return BigInt(text);
}

/** A whole number from 1 up to `max`, where one is given. */
export function countIn(query: Query, name: string, max: number): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw invalidField(`/${name}`, `${name} is a whole number from 1 to ${max}.`);
  return count;
}

/** One page of a list whose ids ascend; an id stays a cursor even when its item is gone. */
export function pageOf<I extends string, T>(ids: readonly I[], query: Query, view: (id: I) => T | undefined): Page<T> {
  const limit = countIn(query, 'limit', PAGE_ITEMS_MAX) ?? PAGE_ITEMS_DEFAULT;
  const after = textOf(query, 'after');
  const from = after === undefined ? 0 : ids.findIndex((id) => id > after);
  const rest = from === -1 ? [] : ids.slice(from);
  const page = rest.slice(0, limit);
  return {
    data: page.flatMap((id) => view(id) ?? []),
    next: rest.length > limit ? (page.at(-1) ?? null) : null,
  };
}

/** Of a path that is several things: refuses what another of them would take. */
export function refuseParameters(query: Query, names: readonly string[]): void {
  for (const name of names)
    if (query[name] !== undefined) throw invalidField(`/${name}`, `There is no parameter '${name}' here.`);
}
