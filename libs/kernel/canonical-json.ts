/** A value that cannot be canonicalized refuses the one command that carries it. */
export class CanonicalizationError extends Error {
  override readonly name = 'CanonicalizationError';
}

/** Printable ASCII without quote and backslash: needs no escape and is well-formed. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** Beyond this, testing costs as much as it saves. */
const PLAIN_LENGTH_MAX = 256;

function canonicalString(text: string): string {
  if (text.length <= PLAIN_LENGTH_MAX && PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new CanonicalizationError('a string holds a lone surrogate');
  // RFC 8785 §3.2.2.2 prescribes exactly the escapes that ECMAScript's JSON.stringify writes.
  return JSON.stringify(text);
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new CanonicalizationError(`${value} is no JSON number`);
  // RFC 8785 §3.2.2.3 prescribes ECMAScript's own text of a number.
  return `${value}`;
}

function canonicalArray(items: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i += 1) {
    if (!(i in items)) throw new CanonicalizationError('an array has a hole');
    text += `${i === 0 ? '' : ','}${canonicalJson(items[i])}`;
  }
  return `${text}]`;
}

interface Member {
  readonly key: string;
  /** `"key":` */
  readonly prefix: string;
}

/**
 * The keys of an object in the order in which it has them, as a path: at its end the same keys, sorted. The record
 * repeats a few shapes all the time, and sorting their keys anew would be a third of the cost of writing an event.
 */
interface Shape {
  readonly next: Map<string, Shape>;
  members?: readonly Member[];
}

const root: Shape = { next: new Map() };
/** The cache is filled once; shapes beyond its limit are sorted every time. */
const SHAPE_KEYS_MAX = 4_000;
let shapeKeys = 0;

function sortedMembers(keys: readonly string[]): readonly Member[] {
  // The default sort compares UTF-16 code units, as RFC 8785 §3.2.3 demands.
  return keys.toSorted().map((key) => ({ key, prefix: `${canonicalString(key)}:` }));
}

function membersOf(keys: readonly string[]): readonly Member[] {
  let shape = root;
  for (const key of keys) {
    let next = shape.next.get(key);
    if (next === undefined) {
      if (shapeKeys >= SHAPE_KEYS_MAX) return sortedMembers(keys);
      shapeKeys += 1;
      next = { next: new Map() };
      shape.next.set(key, next);
    }
    shape = next;
  }
  shape.members ??= sortedMembers(keys);
  return shape.members;
}

function canonicalObject(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new CanonicalizationError('only plain objects can be canonicalized');
  let text = '{';
  for (const { key, prefix } of membersOf(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue; // An absent optional field; `undefined` anywhere else throws.
    text += text === '{' ? prefix : `,${prefix}`;
    text += canonicalJson(member);
  }
  return `${text}}`;
}

/**
 * The RFC 8785 (JCS) text of plain data. 64-bit integers and money are written as decimal strings, so that every reader
 * gets them exactly; a property that is `undefined` is absent.
 * @throws CanonicalizationError for anything that is not plain JSON data: lone surrogates, NaN, holes, class instances.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      return canonicalNumber(value);
    case 'bigint':
      return `"${value}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? canonicalArray(value) : canonicalObject(value);
    default:
      throw new CanonicalizationError(`a ${typeof value} is no JSON value`);
  }
}
