import type { FieldTable } from '../fields';
import { isJsonObject, type JsonObject } from '../json';
import { NESTING_MAX, type TextFault } from '../metering/text-bytes';
import type { RequestRefusal } from './chat/request';
import type { RequestRefusalCode } from './errors';

/** OpenAI's own limit. */
const CHOICES_MAX = 128;

export function refusal(code: RequestRefusalCode, param: string | null, message: string): RequestRefusal {
  return { code, param, message };
}

export const NOT_AN_OBJECT: RequestRefusal = refusal('invalid_type', null, 'The body must be one JSON object.');

/** Spelling and price of every key; the table says what the route knows. */
export function checkFields(body: JsonObject, table: FieldTable): RequestRefusal | undefined {
  for (const key of Object.keys(body)) {
    const name = table.mistakenFor(key);
    if (name !== undefined)
      return refusal('ambiguous_field', name, `A field is spelled almost like '${name}'. Write exactly '${name}'.`);
    const path = table.isUnpriced(key, body[key]) ? key : table.hiddenIn(key, body[key]);
    if (path !== undefined)
      return refusal(
        'unsupported_field',
        path,
        `'${path}' asks for something that has no price here, or decides what the platform decides: nobody can allow it. Remove it.`,
      );
  }
  return undefined;
}

export function checkModel(body: JsonObject): RequestRefusal | undefined {
  const { model } = body;
  if (model === undefined) return refusal('missing_required_parameter', 'model', "Name the model in 'model'.");
  if (typeof model !== 'string') return refusal('invalid_type', 'model', "'model' must be a string.");
  return model === '' ? refusal('invalid_value', 'model', "'model' is empty. Name a model.") : undefined;
}

function checkStreamOptions(options: unknown, table: FieldTable): RequestRefusal | undefined {
  if (options === undefined || options === null) return undefined;
  if (!isJsonObject(options)) return refusal('invalid_type', 'stream_options', "'stream_options' must be an object.");
  for (const key of Object.keys(options)) {
    const name = table.mistakenFor(key);
    if (name !== undefined)
      return refusal('ambiguous_field', `stream_options.${name}`, `Write exactly '${name}' in 'stream_options'.`);
  }
  const includeUsage = options.include_usage;
  if (includeUsage !== undefined && includeUsage !== null && typeof includeUsage !== 'boolean')
    return refusal('invalid_type', 'stream_options.include_usage', "'include_usage' must be true or false.");
  return undefined;
}

export function checkStream(body: JsonObject, table: FieldTable): RequestRefusal | undefined {
  const { stream, stream_options: options } = body;
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    return refusal('invalid_type', 'stream', "'stream' must be true or false.");
  return checkStreamOptions(options, table);
}

export function wantsUsage(body: JsonObject): boolean {
  const options = body.stream_options;
  return isJsonObject(options) && options.include_usage === true;
}

export function checkChoices(body: JsonObject, field: 'n' | 'best_of'): RequestRefusal | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') return refusal('invalid_type', field, `'${field}' must be an integer.`);
  if (!Number.isInteger(value) || value < 1 || value > CHOICES_MAX)
    return refusal('invalid_value', field, `'${field}' must be an integer from 1 to ${CHOICES_MAX}.`);
  return undefined;
}

/** A client's output cap, in whatever field the route has for it. */
export function checkCap(body: JsonObject, field: string): RequestRefusal | undefined {
  const value = body[field];
  if (value === undefined) return undefined;
  const message = `'${field}' must be a positive integer. Leave it out for the default.`;
  if (typeof value !== 'number') return refusal('invalid_type', field, message);
  return !Number.isSafeInteger(value) || value < 1 ? refusal('invalid_value', field, message) : undefined;
}

/** What the traversal of one field's text came upon. */
export function textRefusal(fault: TextFault | undefined, key: string): RequestRefusal | undefined {
  if (fault === 'invalid-unicode')
    return refusal('invalid_unicode', key, `'${key}' holds half of a surrogate pair. Send well-formed Unicode.`);
  if (fault === 'nesting-too-deep')
    return refusal('nesting_too_deep', key, `'${key}' is nested deeper than ${NESTING_MAX} levels. Flatten it.`);
  return undefined;
}
