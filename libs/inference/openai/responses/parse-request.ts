import { isJsonObject, JsonDocument, type JsonObject } from '../../json';
import type { CallFacts } from '../../metering/facts';
import { OUTSIDE_PROMPT } from '../chat/fields';
import { PromptMeter } from '../chat/meter-messages';
import type { RequestRefusal } from '../chat/request';
import { checkCap, checkFields, checkModel, checkStream, NOT_AN_OBJECT, refusal, textRefusal } from '../request-checks';
import { OUTSIDE_RESPONSE_PROMPT, RESPONSES_FIELDS } from './fields';
import { formOf, toolsOf } from './tool-list';
import { FREE_TEXT_BYTES } from './tool-set';

/** A client's request for a response, checked as far as metering and routing need it. `body` is never changed. */
export interface ResponsesRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly facts: CallFacts;
  /** What the route does not know: only an operator can let it through, for one backend. */
  readonly unknownFields: readonly string[];
  readonly body: JsonObject;
}

export type ParsedResponsesRequest =
  | { readonly ok: true; readonly request: ResponsesRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

/** What another dialect may write around a tool, a call or its result when it carries them over. */
const WRAPPING_BYTES = 128;

const STATELESS = "Responses are not stored here: send the whole conversation in 'input'.";
/** Asked for by clients that keep the state themselves; sealed reasoning is simply never there. */
const HARMLESS_INCLUDES: ReadonlySet<unknown> = new Set(['reasoning.encrypted_content']);

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

/** The part of the contract that needs a memory. `store` is true by default at OpenAI, but only a plain wish is refused. */
function checkState(body: JsonObject): RequestRefusal | undefined {
  for (const field of ['previous_response_id', 'conversation', 'prompt'])
    if (isSet(body[field])) return refusal('unsupported_field', field, STATELESS);
  if (isSet(body.store)) return refusal('unsupported_field', 'store', `${STATELESS} Set 'store' to false.`);
  if (isSet(body.background))
    return refusal('unsupported_field', 'background', 'Responses are answered at once. Leave background out.');
  if (isSet(body.truncation) && body.truncation !== 'disabled')
    return refusal('unsupported_field', 'truncation', "Input is never cut. Leave 'truncation' out.");
  return undefined;
}

function checkInclude({ include }: JsonObject): RequestRefusal | undefined {
  if (include === undefined || include === null) return undefined;
  if (!Array.isArray(include)) return refusal('invalid_type', 'include', "'include' must be an array.");
  const index = include.findIndex((entry) => !HARMLESS_INCLUDES.has(entry));
  if (index === -1) return undefined;
  return refusal('unsupported_field', `include[${index}]`, 'This cannot be included. Remove it.');
}

function checkInput({ input }: JsonObject): RequestRefusal | undefined {
  if (input === undefined) return refusal('missing_required_parameter', 'input', "Send the conversation in 'input'.");
  if (typeof input === 'string')
    return input === '' ? refusal('invalid_value', 'input', "'input' is empty.") : undefined;
  if (!Array.isArray(input)) return refusal('invalid_type', 'input', "'input' must be a string or an array.");
  if (input.length === 0) return refusal('invalid_value', 'input', "'input' is empty. Send at least one item.");
  const index = input.findIndex((item) => !isJsonObject(item));
  if (index === -1) return undefined;
  return refusal('invalid_type', `input[${index}]`, `'input[${index}]' must be an object.`);
}

function checkInstructions({ instructions }: JsonObject): RequestRefusal | undefined {
  if (instructions === undefined || instructions === null || typeof instructions === 'string') return undefined;
  return refusal('invalid_type', 'instructions', "'instructions' must be a string.");
}

function checkTools(body: JsonObject): RequestRefusal | undefined {
  const { tools } = body;
  if (tools !== undefined && tools !== null && !Array.isArray(tools))
    return refusal('invalid_type', 'tools', "'tools' must be an array.");
  for (const { tool, path } of toolsOf(body)) {
    if (!isJsonObject(tool))
      return refusal('invalid_type', path, 'A tool, or a namespace of tools, must be an object.');
    if (formOf(tool) === undefined)
      return refusal('unsupported_field', `${path}.type`, 'Only tools that the client itself runs have a price.');
  }
  return undefined;
}

/** Wherever tools are offered, each comes to a backend as one function. */
function meterTools(meter: PromptMeter, body: JsonObject): void {
  for (const { tool, namespace } of toolsOf(body)) {
    if (!isJsonObject(tool) || formOf(tool) === 'left-out') continue;
    meter.field('tools', [tool]);
    meter.text(namespace ?? '');
    meter.bytes += WRAPPING_BYTES + (tool.type === 'custom' ? FREE_TEXT_BYTES : 0);
  }
}

/** A text that stands within JSON at a backend, for which a client has a field of its own. */
function meterFreeText(meter: PromptMeter, { input, namespace }: JsonObject): void {
  meter.json(typeof input === 'string' ? JSON.stringify(input) : input, 3);
  if (typeof namespace === 'string') meter.text(namespace);
}

const WRAPPED_ITEMS: ReadonlySet<unknown> = new Set([
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'tool_search_call',
  'tool_search_output',
]);
/** Earlier reasoning is not passed on, and tools are counted as such. */
const UNCOUNTED_ITEMS: ReadonlySet<unknown> = new Set(['reasoning', 'additional_tools']);

/** What a tool shows beside its text stands in a message of the user's at a backend. */
function meterOutput(meter: PromptMeter, { output, ...item }: JsonObject): void {
  meter.check('output');
  meter.message({ ...item, content: output });
  if (!Array.isArray(output)) return;
  for (const part of output)
    if (isJsonObject(part) && part.type !== 'input_text') {
      meter.message({ role: 'user' });
      meter.bytes += WRAPPING_BYTES;
    }
}

function meterInput(meter: PromptMeter, input: unknown): void {
  if (typeof input === 'string') meter.message({ role: 'user', content: input });
  else if (Array.isArray(input))
    for (const item of input) {
      if (UNCOUNTED_ITEMS.has(item.type)) meter.check(item);
      else if (Array.isArray(item.output)) meterOutput(meter, item);
      else meter.message(item);
      if (item.type === 'custom_tool_call') meterFreeText(meter, item);
      if (WRAPPED_ITEMS.has(item.type)) meter.bytes += WRAPPING_BYTES;
    }
}

function meterField(meter: PromptMeter, key: string, value: unknown): void {
  meter.check(key);
  if (key === 'input') meterInput(meter, value);
  else if (key === 'instructions') meter.message({ role: 'system', content: value });
  else if (key === 'tools' || OUTSIDE_PROMPT.has(key) || OUTSIDE_RESPONSE_PROMPT.has(key)) meter.check(value);
  else if (typeof value === 'string' || (typeof value === 'object' && value !== null)) meter.field(key, value);
}

function meterPrompt(body: JsonObject): PromptMeter | RequestRefusal {
  const meter = new PromptMeter(JsonDocument.from(body));
  for (const key of Object.keys(body)) {
    meterField(meter, key, body[key]);
    const fault = textRefusal(meter.fault, key);
    if (fault !== undefined) return fault;
  }
  meterTools(meter, body);
  return textRefusal(meter.fault, 'tools') ?? meter;
}

/**
 * Checks a parsed body as far as metering and routing need it. The first fault found is answered, in the order: shape,
 * spelling and unpriced fields, what needs a memory, required fields, cap, tools, text.
 */
export function parseResponsesRequest(body: unknown): ParsedResponsesRequest {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault =
    checkFields(body, RESPONSES_FIELDS) ??
    checkModel(body) ??
    checkState(body) ??
    checkInclude(body) ??
    checkInput(body) ??
    checkInstructions(body) ??
    checkStream(body, RESPONSES_FIELDS) ??
    checkCap(body, 'max_output_tokens') ??
    checkTools(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const meter = meterPrompt(body);
  if (!(meter instanceof PromptMeter)) return { ok: false, refusal: meter };
  const cap = body.max_output_tokens;
  return {
    ok: true,
    request: {
      model: String(body.model),
      stream: body.stream === true,
      facts: {
        prompts: [meter.facts()],
        outputsPerPrompt: 1,
        ...(cap === undefined ? {} : { outputCap: Number(cap) }),
      },
      unknownFields: RESPONSES_FIELDS.unknownIn(body),
      body,
    },
  };
}
