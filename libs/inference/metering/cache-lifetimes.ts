import { isJsonObject } from '../json';
import { NESTING_MAX } from './text-bytes';

const LIFETIMES: ReadonlySet<unknown> = new Set([undefined, null, '5m']);

/** What a client's own words stand in: there, a member of this name asks nobody for a cache. */
const OWN_WORDS: ReadonlySet<string> = new Set(['arguments', 'input', 'input_schema', 'parameters', 'schema']);

/** Whether a `cache_control` asks for an entry that lives longer, and costs more, than the one that has a price. */
export function isUnpricedLifetime(control: unknown): boolean {
  return isJsonObject(control) && !LIFETIMES.has(control.ttl);
}

/**
 * The path of the first `cache_control` within a value whose lifetime has no price. Backends look for one not only on
 * parts of a prompt, but on tools, on functions within them, on calls of tools and on whole messages, too.
 */
export function unpricedLifetimeIn(value: unknown, path: string, depth = 1): string | undefined {
  // What is nested deeper is refused where its text is read.
  if (typeof value !== 'object' || value === null || depth > NESTING_MAX) return undefined;
  const isList = Array.isArray(value);
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== 'object' || member === null || (!isList && OWN_WORDS.has(key))) continue;
    const own = isList ? `${path}[${key}]` : `${path}.${key}`;
    if (key === 'cache_control' && isUnpricedLifetime(member)) return `${own}.ttl`;
    const found = unpricedLifetimeIn(member, own, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
