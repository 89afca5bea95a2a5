import { isJsonObject, type JsonObject } from '../../../json';
import {
  type Carrying,
  type NeutralAssistantPart,
  type NeutralTurn,
  type NeutralUserPart,
  sourceOf,
} from '../../../neutral';

/** `refusal` and `reasoning_content` are what an earlier answer said beside its text: no backend needs them again. */
const MESSAGE_KEYS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'name',
  'tool_calls',
  'tool_call_id',
  'refusal',
  'reasoning_content',
  'reasoning',
  'annotations',
]);

/** What parts of earlier answers may carry besides what they say. */
const PART_LABELS = ['type', 'id', 'index', 'annotations', 'logprobs'] as const;
const TEXT_KEYS: ReadonlySet<string> = new Set([...PART_LABELS, 'text', 'refusal']);
const IMAGE_KEYS: ReadonlySet<string> = new Set([...PART_LABELS, 'image_url']);
const FILE_KEYS: ReadonlySet<string> = new Set([...PART_LABELS, 'file']);

function readText(content: unknown, path: string, carrying: Carrying): string {
  if (typeof content === 'string') return content;
  return carrying
    .list(content, path)
    .map((entry, index) => {
      const part = carrying.object(entry, `${path}[${index}]`);
      if (part.type !== 'text' && part.type !== 'refusal') carrying.refuse(`${path}[${index}].type`);
      carrying.onlyKnown(part, TEXT_KEYS, `${path}[${index}]`);
      return carrying.text(part.text ?? part.refusal, `${path}[${index}].text`);
    })
    .join('');
}

function readFile(part: JsonObject, path: string, carrying: Carrying): NeutralUserPart {
  carrying.onlyKnown(part, FILE_KEYS, path);
  const file = carrying.object(part.file, `${path}.file`);
  if (typeof file.file_data !== 'string') carrying.refuse(`${path}.file.file_id`);
  const source = sourceOf(String(file.file_data));
  return { type: 'document', source, ...(typeof file.filename === 'string' ? { name: file.filename } : {}) };
}

function readImage(part: JsonObject, path: string, carrying: Carrying): NeutralUserPart {
  carrying.onlyKnown(part, IMAGE_KEYS, path);
  const image = isJsonObject(part.image_url) ? part.image_url : { url: part.image_url };
  const { detail } = image;
  return {
    type: 'image',
    source: sourceOf(carrying.text(image.url, `${path}.image_url.url`)),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}

function readPart(entry: unknown, path: string, carrying: Carrying): NeutralUserPart {
  const part = carrying.object(entry, path);
  switch (part.type) {
    case 'text':
      carrying.onlyKnown(part, TEXT_KEYS, path);
      return { type: 'text', text: carrying.text(part.text, `${path}.text`) };
    case 'image_url':
      return readImage(part, path, carrying);
    case 'file':
      return readFile(part, path, carrying);
    default:
      carrying.refuse(`${path}.type`);
      return { type: 'text', text: '' };
  }
}

function readUserParts(content: unknown, path: string, carrying: Carrying): NeutralUserPart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return carrying.list(content, path).map((entry, index) => readPart(entry, `${path}[${index}]`, carrying));
}

function readToolCall(entry: unknown, path: string, carrying: Carrying): NeutralAssistantPart {
  const call = carrying.object(entry, path);
  if (call.type !== undefined && call.type !== 'function') carrying.refuse(`${path}.type`);
  const fn = carrying.object(call.function, `${path}.function`);
  return {
    type: 'tool-call',
    id: carrying.text(call.id, `${path}.id`),
    name: carrying.text(fn.name, `${path}.function.name`),
    arguments: carrying.text(fn.arguments, `${path}.function.arguments`),
  };
}

function readAssistant(message: JsonObject, path: string, carrying: Carrying): NeutralAssistantPart[] {
  const { content, tool_calls: calls } = message;
  const text = content === undefined || content === null ? '' : readText(content, `${path}.content`, carrying);
  const toolCalls =
    calls === undefined || calls === null
      ? []
      : carrying
          .list(calls, `${path}.tool_calls`)
          .map((call, index) => readToolCall(call, `${path}.tool_calls[${index}]`, carrying));
  return [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...toolCalls];
}

function readTurn(message: JsonObject, path: string, carrying: Carrying): NeutralTurn {
  carrying.onlyKnown(message, MESSAGE_KEYS, path);
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', path, text: readText(message.content, `${path}.content`, carrying) };
    case 'user':
      return { role: 'user', path, parts: readUserParts(message.content, `${path}.content`, carrying) };
    case 'assistant':
      return { role: 'assistant', path, parts: readAssistant(message, path, carrying) };
    case 'tool':
      return {
        role: 'tool',
        path,
        callId: carrying.text(message.tool_call_id, `${path}.tool_call_id`),
        parts: readUserParts(message.content, `${path}.content`, carrying),
      };
    default:
      carrying.refuse(`${path}.role`);
      return { role: 'user', path, parts: [] };
  }
}

export function readTurns(messages: readonly unknown[], carrying: Carrying): NeutralTurn[] {
  return messages.map((message, index) => {
    const path = `messages[${index}]`;
    return readTurn(carrying.object(message, path), path, carrying);
  });
}
