import type { OutputCapField } from '../../catalogue/types';
import { isJsonObject, type JsonObject } from '../../json';
import { NESTING_MAX } from '../../metering/text-bytes';
import type { RequestRefusalCode } from '../errors';
import { isUnpriced, mistakenFor, OUTSIDE_PROMPT } from './fields';
import { PromptMeter } from './meter-messages';
import type { ParsedChatRequest, RequestRefusal } from './request';

/** OpenAI's own limit. */
const CHOICES_MAX = 128;
const TOOL_TYPES: ReadonlySet<unknown> = new Set(['function', 'custom']);

function refusal(code: RequestRefusalCode, param: string | null, message: string): RequestRefusal {
  return { code, param, message };
}

function checkFields(body: JsonObject): RequestRefusal | undefined {
  for (const key of Object.keys(body)) {
    const name = mistakenFor(key);
    if (name !== undefined)
      return refusal('ambiguous_field', name, `A field is spelled almost like '${name}'. Write exactly '${name}'.`);
    if (isUnpriced(key, body[key]))
      return refusal('unsupported_field', key, `'${key}' asks for something that has no price here. Remove it.`);
  }
  return undefined;
}

function checkModel(body: JsonObject): RequestRefusal | undefined {
  const { model } = body;
  if (model === undefined) return refusal('missing_required_parameter', 'model', "Name the model in 'model'.");
  if (typeof model !== 'string') return refusal('invalid_type', 'model', "'model' must be a string.");
  return model === '' ? refusal('invalid_value', 'model', "'model' is empty. Name a model.") : undefined;
}

function checkMessages(body: JsonObject): RequestRefusal | undefined {
  const { messages } = body;
  if (messages === undefined)
    return refusal('missing_required_parameter', 'messages', "Send the conversation in 'messages'.");
  if (!Array.isArray(messages)) return refusal('invalid_type', 'messages', "'messages' must be an array.");
  if (messages.length === 0) return refusal('invalid_value', 'messages', "'messages' is empty. Send at least one.");
  for (let i = 0; i < messages.length; i += 1)
    if (!isJsonObject(messages[i])) return refusal('invalid_type', `messages[${i}]`, 'A message must be an object.');
  return undefined;
}

function checkStream(body: JsonObject): RequestRefusal | undefined {
  const { stream, stream_options: options } = body;
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    return refusal('invalid_type', 'stream', "'stream' must be true or false.");
  if (options === undefined || options === null) return undefined;
  if (!isJsonObject(options)) return refusal('invalid_type', 'stream_options', "'stream_options' must be an object.");
  for (const key of Object.keys(options)) {
    const name = mistakenFor(key);
    if (name !== undefined)
      return refusal('ambiguous_field', `stream_options.${name}`, `Write exactly '${name}' in 'stream_options'.`);
  }
  const includeUsage = options.include_usage;
  if (includeUsage !== undefined && includeUsage !== null && typeof includeUsage !== 'boolean')
    return refusal('invalid_type', 'stream_options.include_usage', "'include_usage' must be true or false.");
  return undefined;
}

function checkChoices(body: JsonObject, field: 'n' | 'best_of'): RequestRefusal | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') return refusal('invalid_type', field, `'${field}' must be an integer.`);
  if (!Number.isInteger(value) || value < 1 || value > CHOICES_MAX)
    return refusal('invalid_value', field, `'${field}' must be an integer from 1 to ${CHOICES_MAX}.`);
  return undefined;
}

function checkCap(body: JsonObject, field: OutputCapField): RequestRefusal | undefined {
  const value = body[field];
  if (value === undefined) return undefined;
  if (typeof value !== 'number')
    return refusal('invalid_type', field, `'${field}' must be a positive integer. Leave it out for the default.`);
  if (!Number.isSafeInteger(value) || value < 1)
    return refusal('invalid_value', field, `'${field}' must be a positive integer. Leave it out for the default.`);
  return undefined;
}

function checkCaps(body: JsonObject): RequestRefusal | undefined {
  if (body.max_tokens !== undefined && body.max_completion_tokens !== undefined)
    return refusal(
      'conflicting_parameters',
      'max_tokens',
      "Send either 'max_tokens' or 'max_completion_tokens', not both.",
    );
  return checkCap(body, 'max_tokens') ?? checkCap(body, 'max_completion_tokens');
}

function checkTools(body: JsonObject): RequestRefusal | undefined {
  const { tools } = body;
  if (tools === undefined || tools === null) return undefined;
  if (!Array.isArray(tools)) return refusal('invalid_type', 'tools', "'tools' must be an array.");
  for (let i = 0; i < tools.length; i += 1) {
    const tool: unknown = tools[i];
    if (!isJsonObject(tool)) return refusal('invalid_type', `tools[${i}]`, 'A tool must be an object.');
    // Any other type runs on the backend's side and has a price of its own.
    if (!TOOL_TYPES.has(tool.type))
      return refusal(
        'unsupported_field',
        `tools[${i}].type`,
        "Only tools of type 'function' and 'custom' have a price.",
      );
  }
  return undefined;
}

function meterPrompt(body: JsonObject): PromptMeter | RequestRefusal {
  const meter = new PromptMeter();
  for (const key of Object.keys(body)) {
    const value = body[key];
    meter.check(key);
    if (key === 'messages') for (const message of value as Record<string, unknown>[]) meter.message(message);
    else if (OUTSIDE_PROMPT.has(key)) meter.check(value);
    else if (typeof value === 'string' || (typeof value === 'object' && value !== null)) meter.field(key, value);
    if (meter.fault === 'invalid-unicode')
      return refusal('invalid_unicode', key, `'${key}' holds half of a surrogate pair. Send well-formed Unicode.`);
    if (meter.fault === 'nesting-too-deep')
      return refusal('nesting_too_deep', key, `'${key}' is nested deeper than ${NESTING_MAX} levels. Flatten it.`);
  }
  return meter;
}

function capFieldOf(body: JsonObject): OutputCapField | undefined {
  if (body.max_completion_tokens !== undefined) return 'max_completion_tokens';
  return body.max_tokens === undefined ? undefined : 'max_tokens';
}

function wantsUsage(body: JsonObject): boolean {
  const options = body.stream_options;
  return isJsonObject(options) && options.include_usage === true;
}

/**
 * Checks a parsed body as far as metering and routing need it; everything else is the backend's to judge. The first
 * fault found is answered, in the order: shape, spelling and unpriced fields, required fields, caps, text.
 */
export function parseChatRequest(body: unknown): ParsedChatRequest {
  if (!isJsonObject(body))
    return { ok: false, refusal: refusal('invalid_type', null, 'The body must be one JSON object.') };
  const fault =
    checkFields(body) ??
    checkModel(body) ??
    checkMessages(body) ??
    checkStream(body) ??
    checkChoices(body, 'n') ??
    checkChoices(body, 'best_of') ??
    checkCaps(body) ??
    checkTools(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const meter = meterPrompt(body);
  if (!(meter instanceof PromptMeter)) return { ok: false, refusal: meter };
  const outputCapField = capFieldOf(body);
  const choices = Math.max(Number(body.n ?? 1), Number(body.best_of ?? 1));
  return {
    ok: true,
    request: {
      model: String(body.model),
      stream: body.stream === true,
      includeUsage: wantsUsage(body),
      ...(outputCapField === undefined ? {} : { outputCapField }),
      facts: {
        prompts: [meter.facts()],
        outputsPerPrompt: choices,
        ...(outputCapField === undefined ? {} : { outputCap: Number(body[outputCapField]) }),
      },
      body,
    },
  };
}
