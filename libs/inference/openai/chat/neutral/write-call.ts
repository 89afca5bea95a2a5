import type { JsonObject } from '../../../json';
import type { Carrying, NeutralCall, NeutralFormat, NeutralTool, NeutralToolChoice } from '../../../neutral';
import { writeTurns } from './write-turns';

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
    messages: writeTurns(call.turns, carrying),
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
