import { assertNever } from '#kernel';
import { faultOf, JsonDocument, type JsonObject } from '../../json';
import type { Carrying, NeutralAssistantPart, NeutralSource, NeutralTurn, NeutralUserPart } from '../../neutral';
import { toolInputOf } from './tool-input';

function writeSource(source: NeutralSource): JsonObject {
  return source.kind === 'url'
    ? { type: 'url', url: source.url }
    : { type: 'base64', media_type: source.mediaType, data: source.data };
}

function documentSource(source: NeutralSource, path: string, carrying: Carrying): JsonObject {
  if (source.kind === 'url' || source.mediaType === 'application/pdf') return writeSource(source);
  if (source.mediaType === 'text/plain')
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(source.data, 'base64').toString('utf8') };
  carrying.refuse(path, 'The backend of this model reads documents of type application/pdf and text/plain.');
  return {};
}

/** The backend refuses texts that are empty or blank, and they say nothing. */
function writeText(text: string): JsonObject[] {
  return text.trim() === '' ? [] : [{ type: 'text', text }];
}

function writeUserParts(parts: readonly NeutralUserPart[], path: string, carrying: Carrying): JsonObject[] {
  return parts.flatMap((part): JsonObject[] => {
    switch (part.type) {
      case 'text':
        return writeText(part.text);
      case 'image':
        if (part.detail !== undefined && part.detail !== 'auto')
          carrying.refuse(path, "The backend of this model looks at every image alike. Leave 'detail' out.");
        return [{ type: 'image', source: writeSource(part.source) }];
      case 'document': {
        const source = documentSource(part.source, path, carrying);
        return [{ type: 'document', source, ...(part.name === undefined ? {} : { title: part.name }) }];
      }
      default:
        return assertNever(part);
    }
  });
}

function inputOf(text: string, path: string, carrying: Carrying): JsonObject {
  const input = toolInputOf(text);
  if (input === undefined) carrying.invalid(path, 'The arguments of a tool call must be the JSON text of an object.');
  const document = JsonDocument.from(input);
  const fault = document === undefined ? undefined : faultOf(document);
  if (fault !== undefined)
    carrying.invalid(path, `The arguments of a tool call cannot be carried over. ${fault.message}`);
  return input ?? {};
}

function writeAssistant(parts: readonly NeutralAssistantPart[], path: string, carrying: Carrying): JsonObject[] {
  return parts.flatMap((part): JsonObject[] => {
    if (part.type === 'text') return writeText(part.text);
    return [{ type: 'tool_use', id: part.id, name: part.name, input: inputOf(part.arguments, path, carrying) }];
  });
}

function writeToolResult(turn: Extract<NeutralTurn, { role: 'tool' }>, carrying: Carrying): JsonObject {
  return {
    type: 'tool_result',
    tool_use_id: turn.callId,
    content: writeUserParts(turn.parts, turn.path, carrying),
    ...(turn.isError === true ? { is_error: true } : {}),
  };
}

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

/** Turns of one side that follow each other become one message: results of parallel calls belong together. */
function append(messages: Message[], role: Message['role'], content: readonly JsonObject[]): void {
  if (content.length === 0) return;
  const last = messages.at(-1);
  if (last?.role === role) last.content.push(...content);
  else messages.push({ role, content: [...content] });
}

/** All instructions, and the messages of the conversation. */
export function writeMessages(
  turns: readonly NeutralTurn[],
  carrying: Carrying,
): { readonly system: string; readonly messages: readonly JsonObject[] } {
  const system: string[] = [];
  const messages: Message[] = [];
  for (const turn of turns) {
    switch (turn.role) {
      case 'system':
        // Not every backend of this format takes instructions in mid-conversation, and as a turn of the user's they
        // would weigh less: they stand with the others, in their order.
        if (turn.text.trim() !== '') system.push(turn.text);
        break;
      case 'user':
        append(messages, 'user', writeUserParts(turn.parts, turn.path, carrying));
        break;
      case 'tool':
        append(messages, 'user', [writeToolResult(turn, carrying)]);
        break;
      case 'assistant':
        append(messages, 'assistant', writeAssistant(turn.parts, turn.path, carrying));
        break;
      default:
        assertNever(turn);
    }
  }
  if (messages.length === 0)
    carrying.invalid(turns[0]?.path ?? 'messages', 'The backend of this model needs a turn that says something.');
  return { system: system.join('\n\n'), messages: messages.map(({ role, content }) => ({ role, content })) };
}
