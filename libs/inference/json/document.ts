import { DEPTH_MAX, hasMembers } from './count-members';
import { isJsonObject, type JsonObject } from './object';
import {
  isContainer,
  type MemberSpan,
  membersAt,
  type Survey,
  skipSpace,
  survey,
  takeElements,
  takeMembers,
  valueEnd,
} from './text-scan';

interface Span {
  readonly from: number;
  readonly to: number;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Constructs nothing: a class that extends it puts its private members onto an object that is there already. */
const Given = function given(this: unknown, value: object) {
  return value;
} as unknown as new (
  value: object,
) => object;

/**
 * Of which text a value is the whole. It is a private member of the value, which nothing that copies, compares or writes
 * it can see, and which lives as long: a WeakMap says the same at several times the price, for one entry per call.
 */
class OfDocument extends Given {
  #document: JsonDocument | undefined;

  static set(value: object, document: JsonDocument): void {
    const marked = #document in value ? value : new OfDocument(value);
    if (#document in marked) marked.#document = document;
  }

  static get(value: object): JsonDocument | undefined {
    return #document in value ? value.#document : undefined;
  }
}

/**
 * A JSON text and what it says. `JSON.parse` alone loses how a number was written, and with it integers beyond 2^53, the
 * order of keys that look like numbers, and of two members with one key the first: so the text is kept beside the value,
 * and `writeEdited` and `writeAnew` take from it whatever did not change. Nothing may ever change the value.
 */
export class JsonDocument {
  #spans: Map<object, Span> | undefined;
  #members: readonly MemberSpan[] | undefined;
  #seen: Pick<Survey, 'numberExcess' | 'outermost'> | undefined;

  private constructor(
    readonly text: string,
    readonly value: unknown,
    seen?: Survey,
  ) {
    this.#seen = seen;
  }

  /**
   * @param seen what is known of the text, if somebody looked over it.
   * @throws SyntaxError when the text is no JSON.
   */
  static parse(text: string, seen?: Survey): JsonDocument {
    return JsonDocument.known(text, JSON.parse(text), seen);
  }

  /** Of a text that was parsed already: for frames, too many and too short-lived to be found again by their values. */
  static of(text: string, value: unknown): JsonDocument {
    return new JsonDocument(text, value);
  }

  /** Makes a text that is known to say a value the one that is written for it, wherever it comes to stand. */
  static known(text: string, value: unknown, seen?: Survey): JsonDocument {
    const document = new JsonDocument(text, value, seen);
    if (isObject(value)) OfDocument.set(value, document);
    return document;
  }

  /** The document whose whole value this is; undefined for parts of one, and for whatever was made by hand. */
  static from(value: unknown): JsonDocument | undefined {
    return isObject(value) ? OfDocument.get(value) : undefined;
  }

  /** Where the value begins, behind any white space. */
  get start(): number {
    return skipSpace(this.text, 0);
  }

  /** The members of the whole in the order of the text, those that stand twice as well; none of anything but an object. */
  get members(): readonly MemberSpan[] {
    this.#members ??= isJsonObject(this.value)
      ? (this.#seen?.outermost?.spans(this.text) ?? membersAt(this.text, this.start))
      : [];
    return this.#members;
  }

  /**
   * Whether a member of the whole can be read in two ways: it stands twice, or a key does somewhere in it. Nobody knows
   * then which of the two another reader takes.
   */
  isAmbiguous(key: string): boolean {
    const [member, another] = this.members.filter((one) => one.key === key);
    if (member === undefined || !isJsonObject(this.value)) return false;
    const { isTooDeep, members } = survey(this.text, DEPTH_MAX, member.valueStart, member.valueEnd);
    return another !== undefined || isTooDeep || !hasMembers(this.value[key], members);
  }

  /** Characters by which its numbers are longer than the shortest text of their values: `1.0` by two. */
  get numberExcess(): number {
    this.#seen ??= survey(this.text, Number.POSITIVE_INFINITY);
    return this.#seen.numberExcess;
  }

  /**
   * An object or array of the document as it stands in the text; undefined when it is none of its parts. The first
   * question costs a walk over the whole text.
   */
  textOf(part: object): string | undefined {
    if (part === this.value) return this.text;
    this.#spans ??= spansOf(this);
    const span = this.#spans.get(part);
    return span === undefined ? undefined : this.text.slice(span.from, span.to);
  }
}

/** Walks text and value side by side, once. */
class SpanWalk {
  readonly spans = new Map<object, Span>();
  #depth = 0;

  constructor(private readonly text: string) {}

  /** Answers where the value ends. What is too deep to be walked into is not known as a part. */
  visit(value: unknown, from: number): number {
    const { text } = this;
    if (!isObject(value) || !isContainer(text.charCodeAt(from)) || this.#depth === DEPTH_MAX)
      return valueEnd(text, from);
    this.#depth += 1;
    const to = Array.isArray(value) ? this.#elements(value, from) : this.#members(value as JsonObject, from);
    this.#depth -= 1;
    this.spans.set(value, { from, to });
    return to;
  }

  #elements(array: readonly unknown[], from: number): number {
    let index = 0;
    return takeElements(this.text, from, (start) => {
      const element = array[index];
      index += 1;
      return this.visit(element, start);
    });
  }

  #members(object: JsonObject, from: number): number {
    // Of a key that stands twice, the last value is the one that was parsed: it is visited last.
    return takeMembers(this.text, from, (key, valueStart) =>
      this.visit(Object.hasOwn(object, key) ? object[key] : undefined, valueStart),
    );
  }
}

function spansOf({ text, value, start }: JsonDocument): Map<object, Span> {
  const walk = new SpanWalk(text);
  walk.visit(value, start);
  return walk.spans;
}
