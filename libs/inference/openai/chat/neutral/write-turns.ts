import { assertNever } from '#kernel';
import type { JsonObject } from '../../../json';
import {
  type Carrying,
  type NeutralAssistantPart,
  type NeutralTurn,
  type NeutralUserPart,
  urlOf,
} from '../../../neutral';

function writePart(part: NeutralUserPart): JsonObject {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return {
        type: 'image_url',
        image_url: { url: urlOf(part.source), ...(part.detail === undefined ? {} : { detail: part.detail }) },
      };
    case 'document':
      return { type: 'file', file: { filename: part.name ?? 'document', file_data: urlOf(part.source) } };
    default:
      return assertNever(part);
  }
}

/** One text stays a plain string, which every server reads. */
function writeContent(parts: readonly NeutralUserPart[]): string | JsonObject[] {
  const [first] = parts;
  if (first === undefined) return '';
  return parts.length === 1 && first.type === 'text' ? first.text : parts.map(writePart);
}

function writeAssistant(parts: readonly NeutralAssistantPart[]): JsonObject {
  const texts: string[] = [];
  const toolCalls: JsonObject[] = [];
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text);
    else toolCalls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: part.arguments } });
  }
  return {
    role: 'assistant',
    content: texts.length === 0 ? null : texts.join(''),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
  };
}

/** What a failed tool said, where it does not say so itself: this dialect has no other place for it. */
function toldAsError(text: string): string {
  return /^\W*error/i.test(text) ? text : `Error: ${text}`;
}

/** A result of a tool is text here; what a tool shows beside it stands in a turn of the user, under a number. */
class ToolResults {
  #shown: JsonObject[] = [];
  #count = 0;

  write(turn: Extract<NeutralTurn, { role: 'tool' }>): JsonObject {
    const texts = turn.parts.map((part) => (part.type === 'text' ? part.text : this.#show(part)));
    const text = texts.join('\n');
    return {
      role: 'tool',
      tool_call_id: turn.callId,
      content: turn.isError === true ? toldAsError(text) : text,
    };
  }

  /** What was shown since the last turn of the user, to stand before what that says. */
  take(): readonly JsonObject[] {
    const shown = this.#shown;
    this.#shown = [];
    return shown;
  }

  #show(part: Exclude<NeutralUserPart, { type: 'text' }>): string {
    this.#count += 1;
    const name = `${part.type} ${this.#count} of the tool results`;
    this.#shown.push({ type: 'text', text: `(${name})` }, writePart(part));
    return `(${name}: shown below)`;
  }
}

function checkDocuments(
  { parts, path }: { parts: readonly NeutralUserPart[]; path: string },
  carrying: Carrying,
): void {
  for (const part of parts)
    if (part.type === 'document' && part.source.kind === 'url')
      carrying.refuse(path, 'The backend of this model takes documents as base64 only, not by URL.');
}

/** The messages of a conversation. Results of parallel calls follow their calls directly, as this dialect demands. */
export function writeTurns(turns: readonly NeutralTurn[], carrying: Carrying): JsonObject[] {
  const messages: JsonObject[] = [];
  const results = new ToolResults();
  const flush = () => {
    const shown = results.take();
    if (shown.length > 0) messages.push({ role: 'user', content: shown });
  };
  for (const turn of turns) {
    if (turn.role === 'user' || turn.role === 'tool') checkDocuments(turn, carrying);
    switch (turn.role) {
      case 'tool':
        messages.push(results.write(turn));
        break;
      case 'user': {
        const shown = results.take();
        const content = shown.length === 0 ? writeContent(turn.parts) : [...shown, ...turn.parts.map(writePart)];
        messages.push({ role: 'user', content });
        break;
      }
      case 'system':
        flush();
        messages.push({ role: 'system', content: turn.text });
        break;
      case 'assistant':
        flush();
        messages.push(writeAssistant(turn.parts));
        break;
      default:
        assertNever(turn);
    }
  }
  flush();
  return messages;
}
