import { isAscii, isUtf8 } from 'node:buffer';
import { foreignText } from '#kernel';
import { DEPTH_MAX, hasMembers } from './count-members';
import { JsonDocument } from './document';
import { isContainer, type Survey, survey, takeElements, takeMembers, valueEnd } from './text-scan';

/** Why a body that is JSON cannot be served, whatever it asks for. */
export interface BodyFault {
  readonly code: 'ambiguous_field' | 'nesting_too_deep';
  readonly param: string | null;
  readonly message: string;
}

/**
 * What a client sent: the text as it came, which is what is forwarded and what repeats are known by, and the value that
 * metering and routing read. With a fault the value may be missing, and nothing may be made of it but a refusal.
 */
export interface ClientBody {
  readonly text: string;
  readonly value: unknown;
  readonly fault?: BodyFault;
}

/** Of a request that sent none. */
export const NO_BODY: ClientBody = { text: '', value: undefined };

/** The bytes are no JSON text in UTF-8. */
export class InvalidJsonError extends Error {
  override readonly name = 'InvalidJsonError';
}

const TOO_DEEP: BodyFault = {
  code: 'nesting_too_deep',
  param: null,
  message: `The body is nested deeper than ${DEPTH_MAX} levels. Flatten it.`,
};

/** Values are copied member by member here and there, and this one would become the prototype of the copy. */
function refusePrototype(key: string): void {
  if (key === '__proto__') throw new InvalidJsonError("A member of the body is named '__proto__'. Rename it.");
}

/** Looks for the first key that stands twice in one object, and names it by its path. */
class RepeatedKey {
  found: string | undefined;

  constructor(private readonly text: string) {}

  visit(from: number, path: string): number {
    const { text } = this;
    if (!isContainer(text.charCodeAt(from))) return valueEnd(text, from);
    if (text[from] === '[') {
      let index = 0;
      return takeElements(text, from, (start) => this.visit(start, `${path}[${index++}]`));
    }
    const keys = new Set<string>();
    return takeMembers(text, from, (key, start) => {
      const own = path === '' ? key : `${path}.${key}`;
      if (keys.has(key)) this.found ??= own;
      keys.add(key);
      return this.visit(start, own);
    });
  }
}

function repeated({ text, start }: JsonDocument): BodyFault {
  const search = new RepeatedKey(text);
  search.visit(start, '');
  const path = search.found === undefined ? null : foreignText(search.found);
  return {
    code: 'ambiguous_field',
    param: path,
    message: `'${path ?? 'A field'}' stands twice, and one of the two would be overlooked. Send it once.`,
  };
}

function bodyOf(text: string, seen: Survey): ClientBody {
  let document: JsonDocument;
  try {
    document = JsonDocument.parse(text, seen);
  } catch {
    throw new InvalidJsonError('The body is not valid JSON. Send one JSON object.');
  }
  const { value } = document;
  return hasMembers(value, seen.members, refusePrototype)
    ? { text, value }
    : { text, value, fault: repeated(document) };
}

/** What could be read in more than one way in a text that is to become a part of a body. */
export function faultOf(document: JsonDocument): BodyFault | undefined {
  const { isTooDeep, members } = survey(document.text, DEPTH_MAX);
  if (isTooDeep) return TOO_DEEP;
  return hasMembers(document.value, members) ? undefined : repeated(document);
}

/** @throws InvalidJsonError */
export function readClientText(text: string): ClientBody {
  const seen = survey(text, DEPTH_MAX);
  if (seen.isTooDeep) return { text, value: undefined, fault: TOO_DEEP };
  return bodyOf(text, seen);
}

/**
 * Reads the body of a request.
 * @throws InvalidJsonError for anything but one JSON text in UTF-8, which begins without a mark of its byte order.
 */
export function readClientBody(bytes: Buffer): ClientBody {
  if (isAscii(bytes)) return readClientText(bytes.toString('latin1'));
  if (!isUtf8(bytes)) throw new InvalidJsonError('The body is not valid UTF-8. Send JSON in UTF-8.');
  return readClientText(bytes.toString('utf8'));
}
