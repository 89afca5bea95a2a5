import { assertNever, type NanoUsd, type TokenUsage } from '#kernel';
import { JsonDocument, type JsonObject } from '../../json';
import type { UsageDetails } from '../../metering/facts';
import { type AnswerHead, joinEvents, type NeutralEncoder, type NeutralEvent, type NeutralFinish } from '../../neutral';
import { type ErrorCode, type ErrorOptions, errorBody } from '../errors';
import { responsesErrorFrame, responsesEventFrame } from './frames';
import { callItem, type ItemStatus, itemJson, type OutputItem, type OutputPart, partJson } from './output-items';
import { endingOf, responseBase, responsesUsage } from './response-object';
import { freeTextOf, offeredTools, type ToolSet } from './tool-set';

type Reasoning = Extract<OutputItem, { type: 'reasoning' }>;

/**
 * Writes the events of one response from what any backend said, and keeps its output, which the last event tells as a
 * whole. One item, and in it one part, is open at a time.
 */
export class ResponsesEncoder implements NeutralEncoder {
  readonly #base: JsonObject;
  readonly #tools: ToolSet['offered'];
  readonly #request: JsonDocument | undefined;
  readonly #items: OutputItem[] = [];
  readonly #done: JsonObject[] = [];
  #open: OutputItem | undefined;
  #sequence = 0;
  #begun = false;
  #reason: NeutralFinish = 'stop';

  constructor(
    private readonly head: AnswerHead,
    body: JsonObject,
  ) {
    this.#base = responseBase(head, body);
    this.#tools = offeredTools(body);
    this.#request = JsonDocument.from(body);
  }

  accept(event: NeutralEvent): string {
    const start = this.#begun ? '' : this.#start();
    this.#begun = true;
    return start + this.#write(event);
  }

  closing(charged: TokenUsage, cost: NanoUsd, details: UsageDetails = {}): string {
    const response = this.response(charged, cost, details);
    return this.#frame(`response.${String(response.status)}`, { response });
  }

  /** The whole response, once all events were accepted. */
  response(charged: TokenUsage, cost: NanoUsd, details: UsageDetails): JsonObject {
    const { status, why } = endingOf(this.#reason);
    return this.#response(status, { incomplete_details: why, usage: responsesUsage(charged, cost, details) });
  }

  /** Agents take a stream without a terminal event for a lost connection, and pay for the same turn again. */
  errorFrame(code: ErrorCode, options: ErrorOptions): string {
    const start = this.#begun ? '' : this.#start();
    this.#begun = true;
    const closed = this.#close('incomplete');
    const { code: shown, message } = errorBody(code, options).error;
    const error = responsesErrorFrame(code, options, this.#sequence);
    this.#sequence += 1;
    const failed = { error: { code: shown, message }, incomplete_details: null, usage: null };
    return start + closed + error + this.#frame('response.failed', { response: this.#response('failed', failed) });
  }

  #start(): string {
    const response = this.#response('in_progress', { incomplete_details: null, usage: null });
    return this.#frame('response.created', { response }) + this.#frame('response.in_progress', { response });
  }

  #response(status: string, rest: JsonObject): JsonObject {
    return { ...this.#base, status, ...rest, output: [...this.#done] };
  }

  #write(event: NeutralEvent): string {
    switch (event.type) {
      case 'text':
        return this.#text('output_text', event.text);
      case 'refusal':
        return this.#text('refusal', event.text);
      case 'reasoning':
        return event.text === '' ? '' : this.#reasoning(event.text);
      case 'tool-call':
        return this.#begin(this.#call(event.id, event.name));
      case 'tool-arguments':
        return this.#arguments(event.text);
      case 'finish':
        this.#reason = event.reason;
        return this.#close(event.reason === 'length' ? 'incomplete' : 'completed');
      default:
        return assertNever(event);
    }
  }

  #text(type: OutputPart['type'], delta: string): string {
    const open = this.#open;
    const begun = open?.type === 'message' ? '' : this.#begin({ type: 'message', id: this.#id('msg'), parts: [] });
    const item = this.#open;
    if (item?.type !== 'message') return begun;
    const part = item.parts.at(-1);
    if (part?.type === type) return begun + this.#textDelta(item, part, delta);
    const closed = part === undefined ? '' : this.#closePart(item, part);
    const fresh: OutputPart = { type, text: '' };
    item.parts.push(fresh);
    const added = this.#frame('response.content_part.added', { ...this.#place(item), part: partJson(fresh) });
    return begun + closed + added + this.#textDelta(item, fresh, delta);
  }

  #textDelta(item: Extract<OutputItem, { type: 'message' }>, part: OutputPart, delta: string): string {
    part.text += delta;
    const name = part.type === 'refusal' ? 'response.refusal.delta' : 'response.output_text.delta';
    return this.#frame(name, { ...this.#place(item), delta, ...(part.type === 'refusal' ? {} : { logprobs: [] }) });
  }

  #closePart(item: Extract<OutputItem, { type: 'message' }>, part: OutputPart): string {
    const place = this.#place(item);
    const whole =
      part.type === 'refusal'
        ? this.#frame('response.refusal.done', { ...place, refusal: part.text })
        : this.#frame('response.output_text.done', { ...place, text: part.text, logprobs: [] });
    return whole + this.#frame('response.content_part.done', { ...place, part: partJson(part) });
  }

  #reasoning(delta: string): string {
    let begun = '';
    if (this.#open?.type !== 'reasoning') {
      const item: Reasoning = { type: 'reasoning', id: this.#id('rs'), text: '' };
      begun = this.#begin(item);
      const part = { type: 'summary_text', text: '' };
      begun += this.#frame('response.reasoning_summary_part.added', { ...this.#summary(item), part });
    }
    const item = this.#open;
    if (item?.type !== 'reasoning') return begun;
    item.text += delta;
    return begun + this.#frame('response.reasoning_summary_text.delta', { ...this.#summary(item), delta });
  }

  #arguments(delta: string): string {
    const item = this.#open;
    if (item === undefined || !('arguments' in item)) return '';
    item.arguments += delta;
    // The others are told once they can be read: they are not what the backend writes.
    if (item.type !== 'function_call') return '';
    return this.#frame('response.function_call_arguments.delta', { ...this.#of(item), delta });
  }

  #begin(item: OutputItem): string {
    const closed = this.#close('completed');
    this.#items.push(item);
    this.#open = item;
    const added = { output_index: this.#items.length - 1, item: itemJson(item, 'in_progress') };
    return closed + this.#frame('response.output_item.added', added);
  }

  #close(status: ItemStatus): string {
    const item = this.#open;
    if (item === undefined) return '';
    this.#open = undefined;
    const whole = this.#closeContent(item);
    const json = itemJson(item, status);
    this.#done.push(json);
    return whole + this.#frame('response.output_item.done', { output_index: this.#items.length - 1, item: json });
  }

  #closeContent(item: OutputItem): string {
    switch (item.type) {
      case 'message': {
        const part = item.parts.at(-1);
        return part === undefined ? '' : this.#closePart(item, part);
      }
      case 'function_call':
        return this.#frame('response.function_call_arguments.done', {
          ...this.#of(item),
          name: item.name,
          arguments: item.arguments,
        });
      case 'custom_tool_call': {
        const input = freeTextOf(item.arguments);
        return (
          this.#frame('response.custom_tool_call_input.delta', { ...this.#of(item), delta: input }) +
          this.#frame('response.custom_tool_call_input.done', { ...this.#of(item), input })
        );
      }
      case 'tool_search_call':
        return '';
      case 'reasoning': {
        const place = this.#summary(item);
        const part = { type: 'summary_text', text: item.text };
        return (
          this.#frame('response.reasoning_summary_text.done', { ...place, text: item.text }) +
          this.#frame('response.reasoning_summary_part.done', { ...place, part })
        );
      }
      default:
        return assertNever(item);
    }
  }

  #call(callId: string, name: string): OutputItem {
    return callItem(this.#tools.get(name) ?? { form: 'function', name }, callId, (prefix) => this.#id(prefix));
  }

  #id(prefix: string): string {
    return `${prefix}_${this.head.requestId}_${this.#items.length}`;
  }

  #of(item: OutputItem): JsonObject {
    return { item_id: item.id, output_index: this.#items.length - 1 };
  }

  #place(item: Extract<OutputItem, { type: 'message' }>): JsonObject {
    return { ...this.#of(item), content_index: item.parts.length - 1 };
  }

  #summary(item: Reasoning): JsonObject {
    return { ...this.#of(item), summary_index: 0 };
  }

  #frame(type: string, rest: JsonObject): string {
    const sequence = this.#sequence;
    this.#sequence += 1;
    // Only whole responses say back what was asked.
    return responsesEventFrame(type, sequence, rest, 'response' in rest ? this.#request : undefined);
  }
}

/** What ends a stream that failed before its backend had said anything. */
export function responsesFailure(head: AnswerHead, body: JsonObject, code: ErrorCode, options: ErrorOptions): string {
  return new ResponsesEncoder(head, body).errorFrame(code, options);
}

/** An unstreamed response made from what any backend said. */
export function encodeResponse(
  events: readonly NeutralEvent[],
  head: AnswerHead,
  body: JsonObject,
  charged: TokenUsage,
  cost: NanoUsd,
  details: UsageDetails = {},
): JsonObject {
  const encoder = new ResponsesEncoder(head, body);
  for (const event of joinEvents(events)) encoder.accept(event);
  return encoder.response(charged, cost, details);
}
