import { Map as ImmutableMap, List } from 'immutable';
import { type EpochMs, epochMs } from '#kernel';

/**
 * An immutable map whose entries are forgotten after a while. Entries leave in the order in which they came, so one
 * map holds entries of one life time only.
 */
export interface ExpiringMap<V> {
  readonly entries: ImmutableMap<string, { readonly value: V; readonly until: EpochMs }>;
  readonly queue: List<{ readonly key: string; readonly until: EpochMs }>;
}

export function emptyExpiringMap<V>(): ExpiringMap<V> {
  return { entries: ImmutableMap(), queue: List() };
}

export function withEntry<V>(map: ExpiringMap<V>, key: string, value: V, until: EpochMs): ExpiringMap<V> {
  return { entries: map.entries.set(key, { value, until }), queue: map.queue.push({ key, until }) };
}

/** Replaces the value of an entry that is there; it expires when it would have. */
export function withReplacedValue<V>(map: ExpiringMap<V>, key: string, value: V): ExpiringMap<V> {
  const entry = map.entries.get(key);
  return entry === undefined ? map : { ...map, entries: map.entries.set(key, { value, until: entry.until }) };
}

/** The same map without its oldest entries beyond so many. */
export function bounded<V>(map: ExpiringMap<V>, entriesMax: number): ExpiringMap<V> {
  let { entries, queue } = map;
  for (let first = queue.first(); first !== undefined && queue.size > entriesMax; first = queue.first()) {
    queue = queue.shift();
    if (entries.get(first.key)?.until === first.until) entries = entries.delete(first.key);
  }
  return queue === map.queue ? map : { entries, queue };
}

/** The same entries, each forgotten so much earlier. */
export function shifted<V>(map: ExpiringMap<V>, earlierMs: number): ExpiringMap<V> {
  const earlier = (until: EpochMs) => epochMs(until - earlierMs);
  return {
    entries: map.entries.map(({ value, until }) => ({ value, until: earlier(until) })),
    queue: map.queue.map(({ key, until }) => ({ key, until: earlier(until) })),
  };
}

/** The value, unless it has expired at this time. */
export function entryAt<V>(map: ExpiringMap<V>, key: string, at: EpochMs): V | undefined {
  const entry = map.entries.get(key);
  return entry !== undefined && entry.until > at ? entry.value : undefined;
}

/** Forgets what has expired at this time; the same map when nothing has. */
export function pruned<V>(map: ExpiringMap<V>, at: EpochMs): ExpiringMap<V> {
  let { entries, queue } = map;
  for (let first = queue.first(); first !== undefined && first.until <= at; first = queue.first()) {
    queue = queue.shift();
    // A key that was set again lives on under its newer entry.
    if (entries.get(first.key)?.until === first.until) entries = entries.delete(first.key);
  }
  return queue === map.queue ? map : { entries, queue };
}
