import { isJsonObject, JsonDocument, type JsonObject } from '../json';
import type { CallFacts, PromptFacts } from '../metering/facts';
import type { RequestRefusal } from '../openai/chat/request';
import { checkCap, checkFields, checkModel, NOT_AN_OBJECT, refusal, textRefusal } from '../openai/request-checks';
import { MESSAGES_FIELDS, OUTSIDE_PROMPT } from './fields';
import { MessagesMeter } from './meter';

/** A client's request for a message, checked as far as metering and routing need it. `body` is never changed. */
export interface MessagesRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly facts: CallFacts;
  /** What the route does not know: only an operator can let it through, for one backend. */
  readonly unknownFields: readonly string[];
  readonly body: JsonObject;
}

export type ParsedMessagesRequest =
  | { readonly ok: true; readonly request: MessagesRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function checkRequiredCap(body: JsonObject): RequestRefusal | undefined {
  if (body.max_tokens === undefined)
    return refusal('missing_required_parameter', 'max_tokens', "Say in 'max_tokens' how long the answer may become.");
  return checkCap(body, 'max_tokens');
}

function checkObjects(list: unknown, field: string): RequestRefusal | undefined {
  if (!Array.isArray(list)) return refusal('invalid_type', field, `'${field}' must be an array.`);
  for (let i = 0; i < list.length; i += 1)
    if (!isJsonObject(list[i])) return refusal('invalid_type', `${field}[${i}]`, `'${field}[${i}]' must be an object.`);
  return undefined;
}

function checkMessages({ messages }: JsonObject): RequestRefusal | undefined {
  if (messages === undefined)
    return refusal('missing_required_parameter', 'messages', "Send the conversation in 'messages'.");
  if (Array.isArray(messages) && messages.length === 0)
    return refusal('invalid_value', 'messages', "'messages' is empty. Send at least one.");
  return checkObjects(messages, 'messages');
}

function checkSystem({ system }: JsonObject): RequestRefusal | undefined {
  if (system === undefined || system === null || typeof system === 'string') return undefined;
  return checkObjects(system, 'system');
}

function checkStream({ stream }: JsonObject): RequestRefusal | undefined {
  if (stream === undefined || stream === null || typeof stream === 'boolean') return undefined;
  return refusal('invalid_type', 'stream', "'stream' must be true or false.");
}

/** Tools with a type of their own run on the backend's side or bring instructions into the prompt. */
function checkTools({ tools }: JsonObject): RequestRefusal | undefined {
  if (tools === undefined || tools === null) return undefined;
  const fault = checkObjects(tools, 'tools');
  if (fault !== undefined || !Array.isArray(tools)) return fault;
  const index = tools.findIndex((tool: JsonObject) => ![undefined, null, 'custom'].includes(tool.type as null));
  if (index === -1) return undefined;
  return refusal('unsupported_field', `tools[${index}].type`, "Only tools of type 'custom' have a price.");
}

/**
 * Edits of the context only ever shorten the prompt, which is held as it was sent. Any other kind runs the model once
 * more on the backend's side.
 */
const SHORTENING_EDITS: ReadonlySet<unknown> = new Set(['clear_thinking_20251015', 'clear_tool_uses_20250919']);

function checkContextManagement({ context_management: management }: JsonObject): RequestRefusal | undefined {
  const field = 'context_management';
  if (management === undefined || management === null) return undefined;
  if (!isJsonObject(management)) return refusal('invalid_type', field, `'${field}' must be an object.`);
  const { edits } = management;
  if (edits === undefined || edits === null) return undefined;
  const fault = checkObjects(edits, `${field}.edits`);
  if (fault !== undefined || !Array.isArray(edits)) return fault;
  const index = edits.findIndex(({ type }: JsonObject) => !SHORTENING_EDITS.has(type));
  if (index === -1) return undefined;
  return refusal(
    'unsupported_field',
    `${field}.edits[${index}].type`,
    'Only edits that clear what was said have a price.',
  );
}

/**
 * A turn may offer a tool that the request lists. Any other way to name one may bring a tool into the call that runs on
 * the backend's side.
 */
function checkToolChanges({ messages }: JsonObject): RequestRefusal | undefined {
  for (const [index, { content }] of (messages as readonly JsonObject[]).entries()) {
    if (!Array.isArray(content)) continue;
    const at = content.findIndex(
      (block: unknown) =>
        isJsonObject(block) &&
        block.type === 'tool_addition' &&
        !(isJsonObject(block.tool) && block.tool.type === 'tool_reference'),
    );
    if (at === -1) continue;
    const path = `messages[${index}].content[${at}].tool.type`;
    return refusal('unsupported_field', path, "Only tools that 'tools' lists have a price. Name one of them.");
  }
  return undefined;
}

function meterField(meter: MessagesMeter, key: string, value: unknown): void {
  meter.check(key);
  if (key === 'messages')
    for (const [index, message] of (value as JsonObject[]).entries()) meter.message(message, `messages[${index}]`);
  else if (key === 'system') meter.system(value);
  else if (key === 'tools' && Array.isArray(value)) meter.tools(value as JsonObject[]);
  else if (key === 'cache_control') {
    meter.check(value);
    meter.cacheControl(value, '');
  } else if (OUTSIDE_PROMPT.has(key)) meter.check(value);
  else if (typeof value === 'string' || (typeof value === 'object' && value !== null)) meter.json(value);
}

function meterPrompt(body: JsonObject): MessagesMeter | RequestRefusal {
  const meter = new MessagesMeter(JsonDocument.from(body));
  for (const key of Object.keys(body)) {
    meterField(meter, key, body[key]);
    const fault = textRefusal(meter.fault, key);
    if (fault !== undefined) return fault;
  }
  const { unpricedCache } = meter;
  if (unpricedCache === undefined) return meter;
  return refusal('unsupported_field', unpricedCache, "Only cache entries with a 'ttl' of '5m' have a price.");
}

type ParsedPrompt =
  | { readonly ok: true; readonly body: JsonObject; readonly prompt: PromptFacts }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function parsePrompt(body: unknown, checkMaxTokens: (body: JsonObject) => RequestRefusal | undefined): ParsedPrompt {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault =
    checkFields(body, MESSAGES_FIELDS) ??
    checkModel(body) ??
    checkMessages(body) ??
    checkMaxTokens(body) ??
    checkSystem(body) ??
    checkStream(body) ??
    checkContextManagement(body) ??
    checkTools(body) ??
    checkToolChanges(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const meter = meterPrompt(body);
  if (!(meter instanceof MessagesMeter)) return { ok: false, refusal: meter };
  return { ok: true, body, prompt: meter.facts() };
}

/**
 * Checks a parsed body as far as metering and routing need it; everything else is the backend's to judge. The first
 * fault found is answered, in the order: shape, spelling and unpriced fields, required fields, cap, tools, text.
 */
export function parseMessagesRequest(given: unknown): ParsedMessagesRequest {
  const parsed = parsePrompt(given, checkRequiredCap);
  if (!parsed.ok) return parsed;
  const { body, prompt } = parsed;
  return {
    ok: true,
    request: {
      model: String(body.model),
      stream: body.stream === true,
      facts: { prompts: [prompt], outputsPerPrompt: 1, outputCap: Number(body.max_tokens) },
      unknownFields: MESSAGES_FIELDS.unknownIn(body),
      body,
    },
  };
}

/** A question for the tokens of a prompt, which nothing will answer. */
export type CountTokensRequest = Pick<MessagesRequest, 'model' | 'facts' | 'unknownFields'>;

export type ParsedCountTokensRequest =
  | { readonly ok: true; readonly request: CountTokensRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

/** Checks what `parseMessagesRequest` does, but for the cap: nothing is generated, so none is needed. */
export function parseCountTokensRequest(given: unknown): ParsedCountTokensRequest {
  const parsed = parsePrompt(given, (body) =>
    body.max_tokens === undefined ? undefined : checkCap(body, 'max_tokens'),
  );
  if (!parsed.ok) return parsed;
  const { body, prompt } = parsed;
  return {
    ok: true,
    request: {
      model: String(body.model),
      facts: { prompts: [prompt], outputsPerPrompt: 0 },
      unknownFields: MESSAGES_FIELDS.unknownIn(body),
    },
  };
}
