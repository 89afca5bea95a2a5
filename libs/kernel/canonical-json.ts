/** A value that cannot be canonicalized refuses the one command that carries it. */
export class CanonicalizationError extends Error {
  override readonly name = 'CanonicalizationError';
}

function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new CanonicalizationError('a string holds a lone surrogate');
  // RFC 8785 §3.2.2.2 prescribes exactly the escapes that ECMAScript's JSON.stringify writes.
  return JSON.stringify(text);
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new CanonicalizationError(`${value} is no JSON number`);
  return JSON.stringify(value);
}

function canonicalArray(items: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < items.length; i += 1) {
    if (!(i in items)) throw new CanonicalizationError('an array has a hole');
    text += `${i === 0 ? '' : ','}${canonicalJson(items[i])}`;
  }
  return `${text}]`;
}

function canonicalObject(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new CanonicalizationError('only plain objects can be canonicalized');
  // The default sort compares UTF-16 code units, as RFC 8785 §3.2.3 demands.
  const keys = Object.keys(value).sort();
  let text = '{';
  for (const key of keys) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue; // An absent optional field; `undefined` anywhere else throws.
    text += `${text === '{' ? '' : ','}${canonicalString(key)}:${canonicalJson(member)}`;
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
