import { isJsonObject, JsonDocument, type JsonObject, writeEdited } from '../../json';
import type { Carrying, NeutralCall, NeutralFormat, NeutralTool, NeutralToolChoice } from '../../neutral';
import { writeMessages } from './write-turns';

function writeTool({ name, description, parameters, strict }: NeutralTool): JsonObject {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: parameters,
    ...(strict === undefined ? {} : { strict }),
  };
}

function writeToolChoice(choice: NeutralToolChoice): JsonObject {
  switch (choice.mode) {
    case 'required':
      return { type: 'any' };
    case 'tool':
      return { type: 'tool', name: choice.name };
    default:
      return { type: choice.mode };
  }
}

function toolChoiceOf(call: NeutralCall): JsonObject | undefined {
  const { toolChoice, parallelToolCalls, tools } = call;
  if (tools.length === 0) return undefined;
  const choice = toolChoice === undefined ? undefined : writeToolChoice(toolChoice);
  if (parallelToolCalls !== false || choice?.type === 'none') return choice;
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

/** There is no other place for what a schema is said to be. */
function describedSchema(
  { schema, description }: Extract<NeutralFormat, { type: 'schema' }>,
  carrying: Carrying,
): unknown {
  if (description === undefined || !isJsonObject(schema) || schema.description !== undefined) return schema;
  const bare = JsonDocument.parse(carrying.jsonText(schema));
  const described = isJsonObject(bare.value) ? { ...bare.value, description } : schema;
  return JsonDocument.parse(writeEdited(described, bare)).value;
}

/** Without an effort, and without thinking, the model does not reason; the least that it knows is `low`. */
function effortOf({ effort }: NeutralCall): string | undefined {
  if (effort === 'none') return undefined;
  return effort === 'minimal' ? 'low' : effort;
}

function outputConfigOf(call: NeutralCall, carrying: Carrying): JsonObject | undefined {
  const { format } = call;
  const effort = effortOf(call);
  if (format?.type === 'json')
    carrying.refuse(format.path, 'The backend of this model answers in JSON only by a schema. Send one.');
  if (effort === undefined && format === undefined) return undefined;
  return {
    ...(effort === undefined ? {} : { effort }),
    ...(format?.type === 'schema'
      ? { format: { type: 'json_schema', schema: describedSchema(format, carrying) } }
      : {}),
  };
}

/** Anthropic's scale ends at 1. */
function checkTemperature(temperature: number | undefined, carrying: Carrying): void {
  if (temperature !== undefined && temperature > 1)
    carrying.refuse('temperature', "The backend of this model takes a 'temperature' from 0 to 1.");
}

/** A neutral call as the body of a request for a message, but for model, cap and stream. */
export function writeMessagesCall(call: NeutralCall, carrying: Carrying): JsonObject {
  const { temperature, topP, stop, user, tools } = call;
  checkTemperature(temperature, carrying);
  const { system, messages } = writeMessages(call.turns, carrying);
  const toolChoice = toolChoiceOf(call);
  const outputConfig = outputConfigOf(call, carrying);
  for (const tool of tools)
    if (!isJsonObject(tool.parameters)) carrying.invalid('tools', `The parameters of '${tool.name}' are no schema.`);
  return {
    ...(system === '' ? {} : { system }),
    messages,
    ...(tools.length === 0 ? {} : { tools: tools.map(writeTool) }),
    ...(toolChoice === undefined ? {} : { tool_choice: toolChoice }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop_sequences: stop }),
    ...(outputConfig === undefined ? {} : { output_config: outputConfig }),
    ...(user === undefined ? {} : { metadata: { user_id: user } }),
  };
}
