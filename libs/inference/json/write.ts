import { JsonDocument } from './document';
import { isJsonObject, type JsonObject } from './object';
import { type MemberSpan, membersAt } from './text-scan';

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A number beyond all doubles would come out as null: another value than was meant, and read by everybody as such. */
function scalarText(value: unknown): string | undefined {
  if (value === Number.POSITIVE_INFINITY) return '1e999';
  return value === Number.NEGATIVE_INFINITY ? '-1e999' : JSON.stringify(value);
}

function isSpelledAlike(value: unknown): boolean {
  return typeof value !== 'number' && !isObject(value);
}

/**
 * Whether a value reads the same however it is written: no number in it, and no key that could be taken for an index and
 * lose its place. Nobody has to look where it came from.
 */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return value.every(isSpelledAlike);
  return Object.entries(value).every(([key, member]) => isSpelledAlike(member) && !/^\d/.test(key));
}

/** An object as it stood before it was changed, and where. */
interface Before {
  readonly object: JsonObject;
  readonly from: number;
  readonly to: number;
}

const NOTHING: ReadonlySet<string> = new Set();

class Writer {
  readonly #text: string;

  constructor(private readonly base: JsonDocument | undefined) {
    this.#text = base?.text ?? '';
  }

  /** Undefined for what JSON leaves out. */
  write(value: unknown): string | undefined {
    if (!isObject(value)) return scalarText(value);
    const known = JsonDocument.from(value)?.text ?? (isPlain(value) ? undefined : this.base?.textOf(value));
    return known ?? this.#anew(value);
  }

  /** What did not change is copied with whatever stands around it; what did is written in its place, or at the end. */
  edit(value: JsonObject, before: Before, decided: ReadonlySet<string>): string {
    const spans = before.object === this.base?.value ? this.base.members : membersAt(this.#text, before.from);
    const lasts = new Map(spans.map((span) => [span.key, span]));
    let done = '';
    let at = before.from;
    let end = before.from + 1;
    let isFirst = true;
    for (const [index, span] of spans.entries()) {
      const fresh = this.#fresh(value, before.object, span, decided);
      // Of a key that stands twice nobody could say which of the two was changed: one stays.
      if (fresh === 'gone' || (fresh !== 'same' && lasts.get(span.key) !== span)) {
        done += this.#text.slice(at, isFirst ? span.keyStart : end);
        at = isFirst ? (spans[index + 1]?.keyStart ?? span.valueEnd) : span.valueEnd;
      } else {
        isFirst = false;
        if (fresh !== 'same') {
          done += this.#text.slice(at, span.valueStart) + fresh.text;
          at = span.valueEnd;
        }
      }
      end = span.valueEnd;
    }
    const added = Object.keys(value).filter((key) => !lasts.has(key));
    const texts = this.#members(value, added);
    if (texts.length > 0) {
      done += `${this.#text.slice(at, end)}${isFirst ? '' : ','}${texts.join(',')}`;
      at = end;
    }
    return done + this.#text.slice(at, before.to);
  }

  #fresh(
    value: JsonObject,
    before: JsonObject,
    { key, valueStart, valueEnd }: MemberSpan,
    decided: ReadonlySet<string>,
  ): 'same' | 'gone' | { readonly text: string } {
    const now = Object.hasOwn(value, key) ? value[key] : undefined;
    if (now === undefined) return 'gone';
    const was = before[key];
    if (Object.is(now, was) && !decided.has(key)) return 'same';
    const text =
      isJsonObject(now) && isJsonObject(was) && now !== was && JsonDocument.from(now) === undefined
        ? this.edit(now, { object: was, from: valueStart, to: valueEnd }, NOTHING)
        : this.write(now);
    return text === undefined ? 'gone' : { text };
  }

  #anew(value: object): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.write(item) ?? 'null').join(',')}]`;
    const object = value as JsonObject;
    return `{${this.#members(object, Object.keys(object)).join(',')}}`;
  }

  #members(value: JsonObject, keys: readonly string[]): string[] {
    return keys.flatMap((key) => {
      const text = this.write(value[key]);
      return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
    });
  }
}

/**
 * The JSON text of a value that was made anew. Parts of it that are parts of `source`, and values that are documents by
 * themselves, are copied as they stand in their texts.
 */
export function writeAnew(value: unknown, source?: JsonDocument): string {
  return new Writer(source).write(value) ?? 'null';
}

/** The JSON text of a value to the letter, white space and all, where it is a part of `source`; else made anew. */
export function textWithin(value: unknown, source: JsonDocument | undefined): string {
  return (isObject(value) ? source?.textOf(value) : undefined) ?? writeAnew(value, source);
}

/**
 * The JSON text of an object that was made from a document's: its members that are the same are copied with their white
 * space, others are written in their place, new ones at the end. Without a document everything is written anew.
 * @param decided members that are written anew even where they say the same: nobody has to trust how they were spelled.
 */
export function writeEdited(
  value: JsonObject,
  source: JsonDocument | undefined,
  decided: ReadonlySet<string> = NOTHING,
): string {
  if (source === undefined || !isJsonObject(source.value)) return writeAnew(value);
  if (value === source.value) return source.text;
  const { text, value: object, start } = source;
  return text.slice(0, start) + new Writer(source).edit(value, { object, from: start, to: text.length }, decided);
}

/**
 * One object with the members of several that are parts of `source`, or were made of its members, and share no key. It
 * is a document of its own: what a member of an inner object says is kept to the letter when it moves to the outer one.
 */
export function joinObjects(objects: readonly JsonObject[], source: JsonDocument | undefined): JsonObject {
  const joined: JsonObject = Object.assign({}, ...objects);
  if (source === undefined) return joined;
  const texts = objects.map((object) => source.textOf(object) ?? writeEdited(object, source));
  const inner = texts.map((text) => text.slice(text.indexOf('{') + 1, text.lastIndexOf('}')).trim());
  const document = JsonDocument.parse(`{${inner.filter((text) => text !== '').join(',')}}`);
  return isJsonObject(document.value) ? document.value : joined;
}

/** A JSON text on one line, as the frames of a stream need it: line breaks in it can only be white space. */
export function onOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text;
}
