import type { JsonObject } from './object';

/** Deeper than anything that is metered, so that a meter can name the field; little enough for every recursion. */
export const DEPTH_MAX = 128;

/** Takes away the members of a value until none is missing of those that its text has. */
class MissingMembers {
  constructor(
    public count: number,
    private readonly onKey?: (key: string) => void,
  ) {}

  take(value: object): void {
    if (Array.isArray(value)) this.#insideOf(value);
    else this.#members(value as JsonObject);
  }

  #members(object: JsonObject): void {
    const keys = Object.keys(object);
    this.count -= keys.length;
    if (this.onKey !== undefined) for (const key of keys) this.onKey(key);
    // Where all were found nothing has members any more: most long arrays are not looked at.
    for (let index = 0; this.count > 0 && index < keys.length; index += 1) {
      const member = object[keys[index] ?? ''];
      if (typeof member === 'object' && member !== null) this.take(member);
    }
  }

  #insideOf(array: readonly unknown[]): void {
    for (let index = 0; this.count > 0 && index < array.length; index += 1) {
      const item = array[index];
      if (typeof item === 'object' && item !== null) this.take(item);
    }
  }
}

/**
 * Whether a parsed value has as many members as its text. `JSON.parse` keeps one of two members with the same key, so
 * fewer mean that one stood twice. Only for values that are not deeper than DEPTH_MAX.
 * @param members of all objects in the text; a value never has more.
 * @param onKey is told of every key.
 */
export function hasMembers(value: unknown, members: number, onKey?: (key: string) => void): boolean {
  const missing = new MissingMembers(members, onKey);
  if (typeof value === 'object' && value !== null) missing.take(value);
  return missing.count === 0;
}
