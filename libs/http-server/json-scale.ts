const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Below this length of a string a loop is faster than a native search. */
const SHORT_STRING = 32;

/** What one byte outside of a string adds, from what its value costs to parse and to keep; see `JsonScale`. */
const WEIGHTS = new Uint8Array(256);
WEIGHTS[0x2c] = 1; // a comma: one more value
WEIGHTS[0x5b] = 2; // an array
WEIGHTS[0x7b] = 2; // an object
WEIGHTS[0x3a] = 3; // a colon: a member, whose name may be like no other

/** What a body may hold, before anybody parses it. */
export interface JsonLimits {
  /** As `JsonScale` weighs. */
  readonly weightMax: number;
  readonly depthMax?: number;
}

/**
 * Weighs a JSON text while it arrives, in one pass that keeps nothing: each value weighs one, each array and object one
 * more, each member of an object three more. So much does it cost to parse it and to keep what it says, beside its
 * bytes: measured, a unit takes at most 0.2 µs and 32 bytes. A text that is no JSON is weighed as far as a parser would
 * read it, or further.
 */
export class JsonScale {
  weight = 1;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  constructor(private readonly limits: JsonLimits) {}

  /** Takes the next bytes; answers what is too much by now, and then takes no more. */
  take(bytes: Buffer): 'too-many-values' | 'too-deep' | undefined {
    const { weightMax, depthMax = Number.POSITIVE_INFINITY } = this.limits;
    const { length } = bytes;
    let { weight, depth } = this;
    for (let at = this.isInString ? this.throughString(bytes, 0) : 0; at < length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        at = this.throughString(bytes, at + 1) - 1;
        continue;
      }
      const added = WEIGHTS[byte] ?? 0;
      if (added > 0) {
        weight += added;
        if (weight > weightMax) return 'too-many-values';
        if (added === 2 && ++depth > depthMax) return 'too-deep';
      } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    }
    this.weight = weight;
    this.depth = depth;
    return undefined;
  }

  /** Where the string ends that goes on at `from`: behind its closing quote, or at the end of what is there so far. */
  private throughString(bytes: Buffer, from: number): number {
    const { length } = bytes;
    this.isInString = true;
    let at = this.isEscaped && from < length ? from + 1 : from;
    if (at > from) this.isEscaped = false;
    for (;;) {
      const near = Math.min(length, at + SHORT_STRING);
      while (at < near) {
        const byte = bytes[at];
        if (byte === QUOTE) return this.stringEnds(at);
        at += byte === BACKSLASH ? 2 : 1;
      }
      const quote = at < length ? bytes.indexOf(QUOTE, at) : -1;
      const isEscaped = at > length || endsEscaped(bytes, at, quote === -1 ? length : quote);
      if (quote === -1) {
        this.isEscaped = isEscaped;
        return length;
      }
      if (!isEscaped) return this.stringEnds(quote);
      at = quote + 1;
    }
  }

  private stringEnds(quote: number): number {
    this.isInString = false;
    return quote + 1;
  }
}

/** Whether the byte at `to` is escaped, in a string of which nothing before `from` escapes anything behind it. */
function endsEscaped(bytes: Buffer, from: number, to: number): boolean {
  let at = to - 1;
  while (at >= from && bytes[at] === BACKSLASH) at -= 1;
  return (to - at) % 2 === 0;
}
