import { FieldTable } from '../fields';
import { isJsonObject, JsonDocument, type JsonObject, joinObjects } from '../json';
import type { CallFacts } from '../metering/facts';
import { CHAT_FIELDS } from '../openai/chat/fields';
import { parseChatRequest } from '../openai/chat/parse-request';
import type { ChatRequest, RequestRefusal } from '../openai/chat/request';
import { checkFields, NOT_AN_OBJECT, refusal } from '../openai/request-checks';

/**
 * The platform's own simple request, in three forms: a `prompt`; a conversation in `messages`; or a `payload` with
 * `parameters` and the client's own `request_id`. Each is a chat at heart, and each is answered in its own form.
 */
export type InferenceForm =
  | { readonly kind: 'prompt' }
  | { readonly kind: 'messages' }
  | { readonly kind: 'payload'; readonly clientRequestId: string | undefined };

export interface InferenceRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly facts: CallFacts;
  readonly unknownFields: readonly string[];
  readonly form: InferenceForm;
  readonly chat: ChatRequest;
  /** What the chat's body was made from. */
  readonly body: JsonObject;
}

export type ParsedInferenceRequest =
  | { readonly ok: true; readonly request: InferenceRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

const FIELDS = new FieldTable({
  metered: [
    'model',
    'prompt',
    'messages',
    'stream',
    'request_id',
    'payload',
    'parameters',
    'metadata',
    'content_type',
    'best_of',
  ],
  // A signature that nobody checks would be worse than none.
  unpriced: ['hmac_signature'],
  // What is not read here is the chat's to read.
  known: CHAT_FIELDS.known,
});

/** `base`: what the body was made from, with its text. */
type Unfolded =
  | { readonly ok: true; readonly form: InferenceForm; readonly body: JsonObject; readonly base: JsonObject }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function no(code: RequestRefusal['code'], param: string, message: string): Unfolded {
  return { ok: false, refusal: refusal(code, param, message) };
}

/** A prompt or a conversation as the body of a chat. */
function chatBody(body: JsonObject, prompt: unknown, path: string): Unfolded {
  const { prompt: _prompt, ...rest } = body;
  const hasMessages = body.messages !== undefined;
  if (prompt === undefined && hasMessages) return { ok: true, form: { kind: 'messages' }, body: rest, base: body };
  if (prompt === undefined)
    return no('missing_required_parameter', path, `Send the text in '${path}' or a conversation in 'messages'.`);
  if (hasMessages) return no('conflicting_parameters', path, `Send either '${path}' or 'messages', not both.`);
  if (typeof prompt !== 'string') return no('invalid_type', path, `'${path}' must be a string.`);
  if (prompt === '') return no('invalid_value', path, `'${path}' is empty.`);
  return {
    ok: true,
    form: { kind: 'prompt' },
    body: { ...rest, messages: [{ role: 'user', content: prompt }] },
    base: body,
  };
}

const PAYLOAD_KEYS: ReadonlySet<string> = new Set(['prompt', 'messages']);

function unfoldPayload(body: JsonObject): Unfolded {
  const { payload, parameters, request_id: requestId, metadata: _label, content_type: _type, ...rest } = body;
  if (requestId !== undefined && typeof requestId !== 'string')
    return no('invalid_type', 'request_id', "'request_id' must be a string.");
  if (parameters !== undefined && !isJsonObject(parameters))
    return no('invalid_type', 'parameters', "'parameters' must be an object.");
  const clash = Object.keys(parameters ?? {}).find((key) => Object.hasOwn(rest, key) || PAYLOAD_KEYS.has(key));
  if (clash !== undefined)
    return no('conflicting_parameters', `parameters.${clash}`, `Send '${clash}' once, outside of 'parameters'.`);
  const own = isJsonObject(payload) ? payload : { prompt: payload };
  const foreign = Object.keys(own).find((key) => !PAYLOAD_KEYS.has(key));
  if (foreign !== undefined)
    return no('unsupported_field', `payload.${foreign}`, "A payload holds 'prompt' or 'messages'. Remove the rest.");
  if (own.messages !== undefined && rest.messages !== undefined)
    return no('conflicting_parameters', 'messages', "Send 'messages' once, in 'payload' or beside it.");
  const messages = own.messages === undefined ? {} : { messages: own.messages };
  const joined = joinObjects([rest, parameters ?? {}, messages], JsonDocument.from(body));
  const unfolded = chatBody(joined, own.prompt, 'payload');
  return unfolded.ok ? { ...unfolded, form: { kind: 'payload', clientRequestId: requestId } } : unfolded;
}

/** Checks the form, and the chat behind it as far as metering and routing need it. */
export function parseInferenceRequest(body: unknown): ParsedInferenceRequest {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault = checkFields(body, FIELDS);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const unfolded = body.payload === undefined ? chatBody(body, body.prompt, 'prompt') : unfoldPayload(body);
  if (!unfolded.ok) return unfolded;
  const { form, base } = unfolded;
  const parsed = parseChatRequest(unfolded.body, JsonDocument.from(base));
  if (!parsed.ok) {
    // The client knows nothing of the conversation that we made of its prompt.
    const isOurs = form.kind === 'prompt' && parsed.refusal.param?.startsWith('messages') === true;
    return { ok: false, refusal: isOurs ? { ...parsed.refusal, param: 'prompt' } : parsed.refusal };
  }
  const chat = { ...parsed.request, includeUsage: false };
  const { model, stream, facts, unknownFields } = chat;
  return { ok: true, request: { model, stream, facts, unknownFields, form, body: base, chat } };
}
