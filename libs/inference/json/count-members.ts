import type { JsonObject } from './object';

/** Deeper than anything that is metered, so that a meter can name the field; little enough for every recursion. */
export const DEPTH_MAX = 128;

/**
 * How many members a parsed value has. `JSON.parse` keeps one of two members with the same key, so fewer than the text
 * has means that one stood twice. Only for values that are not deeper than DEPTH_MAX.
 * @param onKey is told of every key.
 */
export function countMembers(value: unknown, onKey?: (key: string) => void): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') members += countMembers(item, onKey);
    return members;
  }
  const object = value as JsonObject;
  for (const key of Object.keys(object)) {
    onKey?.(key);
    const member = object[key];
    members += typeof member === 'object' ? 1 + countMembers(member, onKey) : 1;
  }
  return members;
}
