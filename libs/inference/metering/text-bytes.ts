import type { JsonDocument } from '../json';

/** Why a body cannot be metered, or not be forwarded. */
export type TextFault = 'invalid-unicode' | 'nesting-too-deep';

/** Deeper than any schema in use, and shallow enough for every recursion behind it. */
export const NESTING_MAX = 64;

/** Below this length a loop is faster than two native calls. */
const SHORT_TEXT = 48;

function longTextBytes(text: string): number {
  return text.isWellFormed() ? Buffer.byteLength(text, 'utf8') : -1;
}

/** UTF-8 bytes of a string, or -1 when it holds a lone surrogate, which has no UTF-8 form. */
export function utf8Bytes(text: string): number {
  const length = text.length;
  if (length > SHORT_TEXT) return longTextBytes(text);
  let bytes = length;
  for (let i = 0; i < length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit >= 0xd800 && unit <= 0xdfff) return longTextBytes(text);
    bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

/** What JSON's escapes add to a text: quotes, backslashes and control characters. */
function escapeBytes(text: string): number {
  const length = text.length;
  if (length > SHORT_TEXT) return JSON.stringify(text).length - length - 2;
  let bytes = 0;
  for (let i = 0; i < length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit > 0x5c || (unit > 0x22 && unit < 0x5c)) continue;
    if (unit === 0x22 || unit === 0x5c) bytes += 1;
    else if (unit < 0x20) bytes += 5; // At most: some have a short form.
  }
  return bytes;
}

/**
 * Adds up the text of a request in one traversal that also finds lone surrogates (anywhere, even in what is not
 * counted) and nesting beyond NESTING_MAX.
 */
export class TextMeter {
  bytes: number;
  fault: TextFault | undefined;

  /** @param source the whole body: numbers count as long as they are written in it, and not only as long as they need be. */
  constructor(protected readonly source?: JsonDocument) {
    this.bytes = source?.numberExcess ?? 0;
  }

  /** Counts a text as it is. */
  text(text: string): void {
    const bytes = utf8Bytes(text);
    if (bytes < 0) this.fault ??= 'invalid-unicode';
    else this.bytes += bytes;
  }

  /**
   * Counts a value as compact JSON, which is how templates write tools and schemas into a prompt. (One that also
   * escapes everything beyond ASCII needs a larger `textFactor` in the model's bounds.)
   */
  json(value: unknown, depth = 1): void {
    if (typeof value === 'string') {
      this.text(value);
      this.bytes += 2 + escapeBytes(value);
    } else if (typeof value === 'number') {
      this.bytes += String(value).length;
    } else if (typeof value !== 'object' || value === null) {
      this.bytes += value === false ? 5 : 4;
    } else if (depth > NESTING_MAX) {
      this.fault ??= 'nesting-too-deep';
    } else if (Array.isArray(value)) {
      this.bytes += 2 + value.length;
      for (const item of value) this.json(item, depth + 1);
    } else {
      this.#object(value as Record<string, unknown>, depth);
    }
  }

  /** Checks a value without counting it, for what never enters a prompt. */
  check(value: unknown, depth = 1): void {
    const before = this.bytes;
    this.json(value, depth);
    this.bytes = before;
  }

  #object(value: Record<string, unknown>, depth: number): void {
    this.bytes += 2;
    for (const key of Object.keys(value)) {
      this.text(key);
      this.bytes += 4 + escapeBytes(key); // Two quotes, a colon, a comma.
      this.json(value[key], depth + 1);
    }
  }
}
