import { isJsonObject, type JsonDocument, type JsonObject, textWithin } from '../json';
import type { RequestRefusal } from '../openai/chat/request';

/**
 * Notes the first thing in a request that does not carry over. Converters go on after it, so that they read straight
 * through; whoever called them looks at `refusal` before using what they made.
 */
export class Carrying {
  refusal: RequestRefusal | undefined;

  /**
   * @param allowed fields that an operator lets through as they are: they need no meaning here.
   * @param source the request as it was sent.
   */
  constructor(
    private readonly allowed: readonly string[] = [],
    private readonly source?: JsonDocument,
  ) {}

  /** @param param the field in the client's own terms. */
  refuse(param: string, message = `'${param}' has no meaning for the backend of this model. Remove it.`): void {
    this.refusal ??= { code: 'unsupported_field', param, message };
  }

  /** Something is malformed, which only its conversion brings to light. */
  invalid(param: string, message: string): void {
    this.refusal ??= { code: 'invalid_value', param, message };
  }

  text(value: unknown, param: string): string {
    if (typeof value === 'string') return value;
    this.invalid(param, `'${param}' must be a string.`);
    return '';
  }

  object(value: unknown, param: string): JsonObject {
    if (isJsonObject(value)) return value;
    this.invalid(param, `'${param}' must be an object.`);
    return {};
  }

  list(value: unknown, param: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.invalid(param, `'${param}' must be an array.`);
    return [];
  }

  number(value: unknown, param: string): number {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.invalid(param, `'${param}' must be a number that a double can hold.`);
    return 0;
  }

  /** A value as it stands in the request: what nobody here understands is carried over to the letter. */
  jsonText(value: unknown): string {
    return textWithin(value, this.source);
  }

  /** Refuses every member that is neither known nor null: nothing is dropped in silence. */
  onlyKnown(object: JsonObject, known: ReadonlySet<string>, path: string): void {
    for (const key of Object.keys(object)) {
      const value = object[key];
      // 1e400 means something else to everybody who reads it: it could only be carried over as it is.
      if (typeof value === 'number') this.number(value, path === '' ? key : `${path}.${key}`);
      if (known.has(key) || value === null || value === undefined) continue;
      const param = path === '' ? key : `${path}.${key}`;
      if (!this.allowed.includes(param)) this.refuse(param);
    }
  }
}

/** What became of a conversion. */
export type Carried<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: RequestRefusal };

export function carry<T>(
  convert: (carrying: Carrying) => T,
  allowed: readonly string[] = [],
  source?: JsonDocument,
): Carried<T> {
  const carrying = new Carrying(allowed, source);
  const value = convert(carrying);
  return carrying.refusal === undefined ? { ok: true, value } : { ok: false, refusal: carrying.refusal };
}
