import { assertNever } from '#kernel';
import type { JsonObject } from '../../json';
import { freeTextOf, type OfferedTool, searchArguments } from './tool-set';

/** One item of a response's output while it grows. Of a message, only one part is open at a time. */
export type OutputItem =
  | { readonly type: 'message'; readonly id: string; readonly parts: OutputPart[] }
  | {
      readonly type: 'function_call';
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      readonly namespace?: string;
      arguments: string;
    }
  /** `arguments`: of the function that stands for the tool at the backend. */
  | {
      readonly type: 'custom_tool_call';
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      readonly namespace?: string;
      arguments: string;
    }
  | { readonly type: 'tool_search_call'; readonly id: string; readonly callId: string; arguments: string }
  | { readonly type: 'reasoning'; readonly id: string; text: string };

/** The call of a tool as its client offered it; of one that was never offered, a function's. */
export function callItem(tool: OfferedTool, callId: string, idOf: (prefix: string) => string): OutputItem {
  const { form, name, namespace } = tool;
  const named = { callId, name, ...(namespace === undefined ? {} : { namespace }), arguments: '' };
  switch (form) {
    case 'custom':
      return { type: 'custom_tool_call', id: idOf('ctc'), ...named };
    case 'client-search':
      return { type: 'tool_search_call', id: idOf('tsc'), callId, arguments: '' };
    case 'function':
      return { type: 'function_call', id: idOf('fc'), ...named };
    default:
      return assertNever(form);
  }
}

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
        ...(item.namespace === undefined ? {} : { namespace: item.namespace }),
        arguments: item.arguments,
      };
    case 'custom_tool_call':
      return {
        id: item.id,
        type: 'custom_tool_call',
        status,
        call_id: item.callId,
        name: item.name,
        ...(item.namespace === undefined ? {} : { namespace: item.namespace }),
        input: status === 'in_progress' ? '' : freeTextOf(item.arguments),
      };
    case 'tool_search_call':
      return {
        id: item.id,
        type: 'tool_search_call',
        status,
        call_id: item.callId,
        execution: 'client',
        arguments: status === 'in_progress' ? {} : searchArguments(item.arguments),
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
