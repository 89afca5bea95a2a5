import type { JsonObject } from '../../json';
import { type Carrying, type NeutralTurn, type NeutralUserPart, sourceOf } from '../../neutral';
import { readCall, readFound } from './read-tool-items';

function readPart(entry: unknown, path: string, carrying: Carrying): NeutralUserPart {
  const part = carrying.object(entry, path);
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: carrying.text(part.text, `${path}.text`) };
    case 'refusal':
      return { type: 'text', text: carrying.text(part.refusal, `${path}.refusal`) };
    case 'input_image':
      if (typeof part.image_url !== 'string') carrying.refuse(`${path}.file_id`);
      return {
        type: 'image',
        source: sourceOf(String(part.image_url)),
        ...(typeof part.detail === 'string' ? { detail: part.detail } : {}),
      };
    case 'input_file':
      return readFile(part, path, carrying);
    default:
      carrying.refuse(`${path}.type`);
      return { type: 'text', text: '' };
  }
}

function readFile(part: JsonObject, path: string, carrying: Carrying): NeutralUserPart {
  const url = part.file_data ?? part.file_url;
  if (typeof url !== 'string') carrying.refuse(`${path}.file_id`);
  const name = part.filename;
  return { type: 'document', source: sourceOf(String(url)), ...(typeof name === 'string' ? { name } : {}) };
}

function readParts(content: unknown, path: string, carrying: Carrying): NeutralUserPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return carrying.list(content, path).map((entry, index) => readPart(entry, `${path}[${index}]`, carrying));
}

function readText(content: unknown, path: string, carrying: Carrying): string {
  return readParts(content, path, carrying)
    .map((part, index) => {
      if (part.type === 'text') return part.text;
      carrying.refuse(`${path}[${index}].type`);
      return '';
    })
    .join('');
}

function readMessage(item: JsonObject, path: string, carrying: Carrying): NeutralTurn {
  const content = `${path}.content`;
  switch (item.role) {
    case 'system':
    case 'developer':
      return { role: 'system', path, text: readText(item.content, content, carrying) };
    case 'user':
      return { role: 'user', path, parts: readParts(item.content, content, carrying) };
    case 'assistant': {
      const text = readText(item.content, content, carrying);
      return { role: 'assistant', path, parts: text === '' ? [] : [{ type: 'text', text }] };
    }
    default:
      carrying.refuse(`${path}.role`);
      return { role: 'user', path, parts: [] };
  }
}

function readItem(item: JsonObject, path: string, carrying: Carrying): NeutralTurn | undefined {
  switch (item.type) {
    case undefined:
    case 'message':
      return readMessage(item, path, carrying);
    case 'function_call':
    case 'custom_tool_call':
      return readCall(item, path, carrying);
    case 'tool_search_call':
      return item.execution === 'client' ? readCall(item, path, carrying) : undefined;
    case 'tool_search_output':
      return item.execution === 'client' ? readFound(item, path, carrying) : undefined;
    case 'additional_tools':
      return undefined; // Offered with all others.
    case 'function_call_output':
    case 'custom_tool_call_output':
      return {
        role: 'tool',
        path,
        callId: carrying.text(item.call_id, `${path}.call_id`),
        parts: readParts(item.output, `${path}.output`, carrying),
      };
    case 'reasoning':
      return undefined; // Sealed by whoever made it: another backend has no use for it.
    case 'item_reference':
      carrying.refuse(
        `${path}.type`,
        "Responses are not stored here: send the item itself. Most clients do when 'store' is false.",
      );
      return undefined;
    default:
      carrying.refuse(`${path}.type`);
      return undefined;
  }
}

/** What the model said in one go comes in several items; backends take it as one turn. */
function joinAssistant(turns: readonly NeutralTurn[]): NeutralTurn[] {
  const joined: NeutralTurn[] = [];
  for (const turn of turns) {
    const last = joined.at(-1);
    if (turn.role === 'assistant' && turn.parts.length === 0) continue;
    if (turn.role === 'assistant' && last?.role === 'assistant')
      joined[joined.length - 1] = { ...last, parts: [...last.parts, ...turn.parts] };
    else joined.push(turn);
  }
  return joined;
}

/** The items of an input as turns. */
export function readItems(input: unknown, carrying: Carrying): NeutralTurn[] {
  if (typeof input === 'string') return [{ role: 'user', path: 'input', parts: [{ type: 'text', text: input }] }];
  const turns = carrying
    .list(input, 'input')
    .map((item, index) => readItem(carrying.object(item, `input[${index}]`), `input[${index}]`, carrying))
    .filter((turn) => turn !== undefined);
  return joinAssistant(turns);
}
