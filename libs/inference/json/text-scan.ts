/**
 * Where the parts of a JSON text stand. All of it relies on the text being valid, which only `JSON.parse` can say; on any
 * other text these functions end, and what they answer means nothing.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/** Below this length a loop is faster than a native search. */
const SHORT_STRING = 40;

/** JSON has four kinds of white space, all of them below the first character that can begin anything else. */
function isSpace(unit: number): boolean {
  return unit <= 0x20;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** The quote at `at` belongs to the text of the string if an odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

/** Where the string ends whose opening quote stands at `open`: behind its closing quote. */
export function stringEnd(text: string, open: number): number {
  const near = Math.min(text.length, open + SHORT_STRING);
  let at = open + 1;
  while (at < near) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    at += unit === BACKSLASH ? 2 : 1;
  }
  // A quote that the loop has jumped onto stands behind its backslash, and is told apart by it.
  for (let quote = text.indexOf('"', at); quote !== -1; quote = text.indexOf('"', quote + 1))
    if (!isEscaped(text, quote)) return quote + 1;
  return text.length;
}

function isNumberPart(unit: number): boolean {
  // Digits, and the characters + - . E e.
  return (
    (unit >= DIGIT_0 && unit <= DIGIT_9) || unit === POINT || unit === MINUS || unit === 0x2b || (unit | 0x20) === 0x65
  );
}

export function numberEnd(text: string, from: number): number {
  let at = from + 1;
  while (isNumberPart(text.charCodeAt(at))) at += 1;
  return at;
}

export function isContainer(unit: number): boolean {
  return unit === OBJECT_OPEN || unit === ARRAY_OPEN;
}

/** Where the value ends that begins at `from`. */
export function valueEnd(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return stringEnd(text, from);
  let at = from;
  if (!isContainer(first)) {
    while (at < text.length && !isEndOfScalar(text.charCodeAt(at))) at += 1;
    return at;
  }
  for (let depth = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    at += 1;
    if (unit === OBJECT_OPEN || unit === ARRAY_OPEN) depth += 1;
    else if (unit === OBJECT_CLOSE || unit === ARRAY_CLOSE) depth -= 1;
    if (depth === 0) return at;
  }
  return at;
}

function isEndOfScalar(unit: number): boolean {
  return unit === COMMA || unit === OBJECT_CLOSE || unit === ARRAY_CLOSE || isSpace(unit);
}

/** One member of an object, as offsets into the text: `"key"` from `keyStart`, its value up to `valueEnd`. */
export interface MemberSpan {
  readonly key: string;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The key that a string of the text spells: `"mod\u0065l"` is `model`. */
export function keyAt(text: string, from: number, to: number): string {
  const raw = text.slice(from + 1, to - 1);
  return raw.includes('\\') ? String(JSON.parse(text.slice(from, to))) : raw;
}

/** Takes one value that begins at `from`, and answers where it ends. */
export type TakeValue = (from: number) => number;

/** Goes through the object that begins at `from`, in the order of the text. Answers where it ends. */
export function takeMembers(
  text: string,
  from: number,
  take: (key: string, valueStart: number, keyStart: number) => number,
): number {
  let at = skipSpace(text, from + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at);
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const next = skipSpace(text, take(keyAt(text, at, keyEnd), valueStart, at));
    if (text.charCodeAt(next) !== COMMA) return next + 1;
    at = skipSpace(text, next + 1);
  }
  return at + 1;
}

/** Goes through the array that begins at `from`. Answers where it ends. */
export function takeElements(text: string, from: number, take: TakeValue): number {
  let at = skipSpace(text, from + 1);
  while (at < text.length && text.charCodeAt(at) !== ARRAY_CLOSE) {
    const next = skipSpace(text, take(at));
    if (text.charCodeAt(next) !== COMMA) return next + 1;
    at = skipSpace(text, next + 1);
  }
  return at + 1;
}

/** The members of the object that begins at `from`, in the order of the text. */
export function membersAt(text: string, from: number): MemberSpan[] {
  const members: MemberSpan[] = [];
  takeMembers(text, from, (key, valueStart, keyStart) => {
    const end = valueEnd(text, valueStart);
    members.push({ key, keyStart, valueStart, valueEnd: end });
    return end;
  });
  return members;
}

/** What one look over a text tells, before anybody parses it. */
export interface Survey {
  /** Deeper than was allowed: the rest was not looked at. */
  readonly isTooDeep: boolean;
  /** Members of all objects: those that stand twice are counted twice. */
  readonly members: number;
  /** Characters by which numbers are longer than the shortest text of their value: `1.0` by two. */
  readonly numberExcess: number;
  /** Where the members of the outermost object stand; undefined when they are more than are noted. */
  readonly outermost: MemberNotes | undefined;
}

/** Integers of so many digits are written as they are read. */
const PLAIN_DIGITS_MAX = 15;

/** Where a number ends whose first character is followed by digits up to `from`. */
function digitsEnd(text: string, from: number): number {
  let at = from;
  let unit = text.charCodeAt(at);
  while (unit >= DIGIT_0 && unit <= DIGIT_9) {
    at += 1;
    unit = text.charCodeAt(at);
  }
  return at;
}

/** Whether a number is written as its value is: so few digits are all kept, and none of them can be left out. */
function isShortest(text: string, from: number, to: number): boolean {
  if (to - from > PLAIN_DIGITS_MAX) return false;
  const whole = text.charCodeAt(from) === MINUS ? from + 1 : from;
  const end = digitsEnd(text, whole);
  // A zero may have a sign, which the value's own text has not.
  if (end === to) return text.charCodeAt(whole) !== DIGIT_0;
  if (text.charCodeAt(end) !== POINT || digitsEnd(text, end + 1) !== to) return false;
  // Many zeros behind the point are written as an exponent, and those at the end not at all.
  return text.charCodeAt(end + 1) !== DIGIT_0 && text.charCodeAt(to - 1) !== DIGIT_0;
}

/** Of a number that is more than a few digits. */
function excessOf(text: string, from: number, to: number): number {
  if (isShortest(text, from, to)) return 0;
  return Math.max(0, to - from - String(Number(text.slice(from, to))).length);
}

/** More members than any dialect knows: an object of more is looked at again when somebody asks. */
const NOTED_MEMBERS_MAX = 64;

/** Where the members of one object stand, noted while a text is looked over. */
export class MemberNotes {
  /** For each member the begin and the end of its key, and of its value. */
  readonly #offsets: number[] = [];
  #isOpen = false;

  get isFull(): boolean {
    return this.#offsets.length > 4 * NOTED_MEMBERS_MAX;
  }

  /** A colon stands behind its key. */
  open(text: string, keyStart: number, keyEnd: number, colon: number): void {
    if (this.isFull) return;
    this.#offsets.push(keyStart, keyEnd, skipSpace(text, colon + 1));
    this.#isOpen = true;
  }

  /** The comma or the brace behind the value. */
  close(text: string, behind: number): void {
    if (!this.#isOpen) return;
    let end = behind;
    while (isSpace(text.charCodeAt(end - 1))) end -= 1;
    this.#offsets.push(end);
    this.#isOpen = false;
  }

  /** As `membersAt` finds them. */
  spans(text: string): MemberSpan[] {
    const spans: MemberSpan[] = [];
    const offsets = this.#offsets;
    for (let at = 0; at < offsets.length; at += 4) {
      const keyStart = offsets[at] ?? 0;
      const key = keyAt(text, keyStart, offsets[at + 1] ?? 0);
      spans.push({ key, keyStart, valueStart: offsets[at + 2] ?? 0, valueEnd: offsets[at + 3] ?? 0 });
    }
    return spans;
  }
}

/** Looks over a text, or over the part of it that is one value, in one pass that needs next to no memory. */
export function survey(text: string, depthMax: number, from = 0, length = text.length): Survey {
  const outermost = new MemberNotes();
  let [members, numberExcess, depth, keyStart, keyEnd] = [0, 0, 0, 0, 0];
  for (let at = from; at < length; ) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      keyStart = at;
      at = stringEnd(text, at);
      keyEnd = at;
    } else if (unit === COMMA) {
      if (depth === 1) outermost.close(text, at);
      at += 1;
    } else if (unit <= DIGIT_9 && (unit >= DIGIT_0 || unit === MINUS)) {
      let end = digitsEnd(text, at + 1);
      if (unit === MINUS || end - at > PLAIN_DIGITS_MAX || isNumberPart(text.charCodeAt(end))) {
        end = numberEnd(text, at);
        numberExcess += excessOf(text, at, end);
      }
      at = end;
    } else {
      if (unit === COLON) {
        members += 1;
        if (depth === 1) outermost.open(text, keyStart, keyEnd, at);
      } else if (unit === OBJECT_CLOSE || unit === ARRAY_CLOSE) {
        if (depth === 1) outermost.close(text, at);
        depth -= 1;
      } else if (unit === OBJECT_OPEN || unit === ARRAY_OPEN) {
        depth += 1;
        if (depth > depthMax) return { isTooDeep: true, members, numberExcess, outermost: undefined };
      }
      at += 1;
    }
  }
  return { isTooDeep: false, members, numberExcess, outermost: outermost.isFull ? undefined : outermost };
}
