import type { OutputCapField } from '../../catalogue/types';
import { isJsonObject, JsonDocument, type JsonObject } from '../../json';
import {
  checkCap,
  checkChoices,
  checkFields,
  checkModel,
  checkStream,
  NOT_AN_OBJECT,
  refusal,
  textRefusal,
  wantsUsage,
} from '../request-checks';
import { CHAT_FIELDS, OUTSIDE_PROMPT } from './fields';
import { PromptMeter } from './meter-messages';
import type { ParsedChatRequest, RequestRefusal } from './request';

const TOOL_TYPES: ReadonlySet<unknown> = new Set(['function', 'custom']);

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

function meterPrompt(body: JsonObject, source: JsonDocument | undefined): PromptMeter | RequestRefusal {
  const meter = new PromptMeter(source);
  for (const key of Object.keys(body)) {
    const value = body[key];
    meter.check(key);
    if (key === 'messages') for (const message of value as Record<string, unknown>[]) meter.message(message);
    else if (OUTSIDE_PROMPT.has(key)) meter.check(value);
    else if (typeof value === 'string' || (typeof value === 'object' && value !== null)) meter.field(key, value);
    const fault = textRefusal(meter.fault, key);
    if (fault !== undefined) return fault;
    if (meter.hasUnpricedCache)
      return refusal('unsupported_field', key, "Only cache entries with a 'ttl' of '5m' have a price.");
  }
  return meter;
}

function capFieldOf(body: JsonObject): OutputCapField | undefined {
  if (body.max_completion_tokens !== undefined) return 'max_completion_tokens';
  return body.max_tokens === undefined ? undefined : 'max_tokens';
}

/**
 * Checks a parsed body as far as metering and routing need it; everything else is the backend's to judge. The first
 * fault found is answered, in the order: shape, spelling and unpriced fields, required fields, caps, text.
 * @param source what was sent, where the body was made from it.
 */
export function parseChatRequest(body: unknown, source = JsonDocument.from(body)): ParsedChatRequest {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault =
    checkFields(body, CHAT_FIELDS) ??
    checkModel(body) ??
    checkMessages(body) ??
    checkStream(body, CHAT_FIELDS) ??
    checkChoices(body, 'n') ??
    checkChoices(body, 'best_of') ??
    checkCaps(body) ??
    checkTools(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const meter = meterPrompt(body, source);
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
      unknownFields: CHAT_FIELDS.unknownIn(body),
      body,
    },
  };
}
