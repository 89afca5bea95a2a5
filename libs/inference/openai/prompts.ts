import { JsonDocument, type JsonObject } from '../json';
import { NO_PROMPT, type PromptFacts } from '../metering/facts';
import { TextMeter } from '../metering/text-bytes';
import { OUTSIDE_PROMPT } from './chat/fields';
import type { RequestRefusal } from './chat/request';
import { refusal, textRefusal } from './request-checks';

/** OpenAI's own limit of prompts per completion and of items per embedding. */
export const PROMPTS_MAX = 2_048;

/** One prompt of a completion or item of an embedding: text, or tokens that the client counted itself. */
export type Prompt = string | readonly number[];

export type ParsedPrompts =
  | { readonly ok: true; readonly prompts: readonly Prompt[] }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function no(code: RequestRefusal['code'], param: string, message: string): ParsedPrompts {
  return { ok: false, refusal: refusal(code, param, message) };
}

function isTokenId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function areTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isTokenId);
}

function parseItem(item: unknown, param: string): ParsedPrompts {
  if (typeof item === 'string') return { ok: true, prompts: [item] };
  if (!areTokens(item))
    return no('invalid_type', param, `'${param}' must be a string or an array of token ids (integers from 0).`);
  if (item.length === 0) return no('invalid_value', param, `'${param}' is an empty array. Send at least one token.`);
  return { ok: true, prompts: [item] };
}

/** Reads `prompt` or `input` in its four forms: a text, tokens, a list of texts, a list of token lists. */
export function parsePrompts(value: unknown, field: string): ParsedPrompts {
  if (value === undefined) return no('missing_required_parameter', field, `Send the text in '${field}'.`);
  if (!Array.isArray(value)) return parseItem(value, field);
  const items: readonly unknown[] = value;
  if (items.length === 0) return no('invalid_value', field, `'${field}' is empty. Send at least one.`);
  if (typeof items[0] === 'number') return parseItem(items, field);
  if (items.length > PROMPTS_MAX) return no('invalid_value', field, `'${field}' holds more than ${PROMPTS_MAX} items.`);
  const prompts: Prompt[] = [];
  for (const [index, item] of items.entries()) {
    const parsed = parseItem(item, `${field}[${index}]`);
    if (!parsed.ok) return parsed;
    prompts.push(...parsed.prompts);
  }
  return { ok: true, prompts };
}

export type MeteredPrompts =
  | { readonly ok: true; readonly prompts: readonly PromptFacts[] }
  | { readonly ok: false; readonly refusal: RequestRefusal };

/**
 * What each prompt brings into the model: its own text or tokens, and once more for every prompt whatever else in the
 * body may get into it.
 * @param outside fields of the route that never enter a prompt, besides those that never do anywhere.
 */
export function meterPrompts(
  body: JsonObject,
  field: string,
  prompts: readonly Prompt[],
  outside: ReadonlySet<string>,
): MeteredPrompts {
  const shared = new TextMeter(JsonDocument.from(body));
  for (const key of Object.keys(body)) {
    const value = body[key];
    shared.check(key);
    if (key === field || OUTSIDE_PROMPT.has(key) || outside.has(key)) shared.check(value);
    else if (typeof value === 'string' || (typeof value === 'object' && value !== null)) shared.json(value);
    const fault = textRefusal(shared.fault, key);
    if (fault !== undefined) return { ok: false, refusal: fault };
  }
  const facts = prompts.map((prompt): PromptFacts => {
    if (typeof prompt !== 'string') return { ...NO_PROMPT, textBytes: shared.bytes, tokenIds: prompt.length };
    const own = new TextMeter();
    own.text(prompt);
    return { ...NO_PROMPT, textBytes: shared.bytes + own.bytes };
  });
  return { ok: true, prompts: facts };
}
