import { assertNever } from '#kernel';
import type { JsonObject } from '../../json';

/** One item of a response's output while it grows. Of a message, only one part is open at a time. */
export type OutputItem =
  | { readonly type: 'message'; readonly id: string; readonly parts: OutputPart[] }
  | {
      readonly type: 'function_call';
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      arguments: string;
    }
  | { readonly type: 'reasoning'; readonly id: string; text: string };

export interface OutputPart {
  readonly type: 'output_text' | 'refusal';
  text: string;
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export function partJson(part: OutputPart): JsonObject {
  return part.type === 'refusal'
    ? { type: 'refusal', refusal: part.text }
    : { type: 'output_text', text: part.text, annotations: [], logprobs: [] };
}

export function itemJson(item: OutputItem, status: ItemStatus): JsonObject {
  switch (item.type) {
    case 'message':
      return { id: item.id, type: 'message', status, role: 'assistant', content: item.parts.map(partJson) };
    case 'function_call':
      return {
        id: item.id,
        type: 'function_call',
        status,
        call_id: item.callId,
        name: item.name,
        arguments: item.arguments,
      };
    case 'reasoning':
      return {
        id: item.id,
        type: 'reasoning',
        summary: item.text === '' ? [] : [{ type: 'summary_text', text: item.text }],
      };
    default:
      return assertNever(item);
  }
}
