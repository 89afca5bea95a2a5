import { assertNever } from '#kernel';
import type { JsonObject } from '../../../json';
import {
  type Carrying,
  type NeutralAssistantPart,
  type NeutralCall,
  type NeutralFormat,
  type NeutralTool,
  type NeutralToolChoice,
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

function toolText(parts: readonly NeutralUserPart[], path: string, carrying: Carrying): string {
  return parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      carrying.refuse(path, 'The backend of this model takes only text as the result of a tool.');
      return '';
    })
    .join('\n');
}

function writeTurn(turn: NeutralTurn, carrying: Carrying): JsonObject {
  switch (turn.role) {
    case 'system':
      return { role: 'system', content: turn.text };
    case 'user':
      for (const part of turn.parts)
        if (part.type === 'document' && part.source.kind === 'url')
          carrying.refuse(turn.path, 'The backend of this model takes documents as base64 only, not by URL.');
      return { role: 'user', content: writeContent(turn.parts) };
    case 'assistant':
      return writeAssistant(turn.parts);
    case 'tool':
      return { role: 'tool', tool_call_id: turn.callId, content: toolText(turn.parts, turn.path, carrying) };
    default:
      return assertNever(turn);
  }
}

function writeTool(tool: NeutralTool): JsonObject {
  const { name, description, parameters, strict } = tool;
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters,
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function writeToolChoice(choice: NeutralToolChoice): string | JsonObject {
  return choice.mode === 'tool' ? { type: 'function', function: { name: choice.name } } : choice.mode;
}

function writeFormat(format: NeutralFormat): JsonObject {
  if (format.type === 'json') return { type: 'json_object' };
  const { name, description, schema, strict } = format;
  return {
    type: 'json_schema',
    json_schema: {
      name,
      ...(description === undefined ? {} : { description }),
      schema,
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

/** A neutral call as the body of a chat request, but for model, cap and stream, which `buildChatUpstream` adds. */
export function writeChatCall(call: NeutralCall, carrying: Carrying): JsonObject {
  const { toolChoice, parallelToolCalls, temperature, topP, stop, effort, verbosity, format, user } = call;
  return {
    messages: call.turns.map((turn) => writeTurn(turn, carrying)),
    ...(call.tools.length === 0 ? {} : { tools: call.tools.map(writeTool) }),
    ...(toolChoice === undefined || call.tools.length === 0 ? {} : { tool_choice: writeToolChoice(toolChoice) }),
    ...(parallelToolCalls === undefined || call.tools.length === 0 ? {} : { parallel_tool_calls: parallelToolCalls }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(effort === undefined ? {} : { reasoning_effort: effort }),
    // The default of those that know it, and unknown to many.
    ...(verbosity === undefined || verbosity === 'medium' ? {} : { verbosity }),
    ...(format === undefined ? {} : { response_format: writeFormat(format) }),
    ...(user === undefined ? {} : { user }),
  };
}
