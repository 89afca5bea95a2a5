import { isJsonObject, type JsonObject } from '../../../json';
import {
  type Carrying,
  NEUTRAL_EFFORTS,
  type NeutralCall,
  type NeutralFormat,
  type NeutralTool,
  type NeutralToolChoice,
} from '../../../neutral';
import { readTurns } from './read-turns';

/** Fields that are read here, or that change nothing about the answer and are therefore not missed. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'stop',
  'reasoning_effort',
  'response_format',
  'user',
  'frequency_penalty',
  'presence_penalty',
  'logprobs',
  'modalities',
  // Hints and labels.
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'verbosity',
]);

const TOOL_KEYS: ReadonlySet<string> = new Set(['type', 'function']);
const FUNCTION_KEYS: ReadonlySet<string> = new Set(['name', 'description', 'parameters', 'strict']);

/** What an object without properties is called in JSON Schema: a function that takes nothing. */
const NO_PARAMETERS = { type: 'object', properties: {} } as const;

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readTools(body: JsonObject, carrying: Carrying): NeutralTool[] {
  if (!present(body.tools)) return [];
  return carrying.list(body.tools, 'tools').map((entry, index) => {
    const path = `tools[${index}]`;
    const tool = carrying.object(entry, path);
    if (tool.type !== 'function') carrying.refuse(`${path}.type`);
    carrying.onlyKnown(tool, TOOL_KEYS, path);
    const fn = carrying.object(tool.function, `${path}.function`);
    carrying.onlyKnown(fn, FUNCTION_KEYS, `${path}.function`);
    return {
      name: carrying.text(fn.name, `${path}.function.name`),
      ...(typeof fn.description === 'string' ? { description: fn.description } : {}),
      parameters: fn.parameters ?? NO_PARAMETERS,
      ...(typeof fn.strict === 'boolean' ? { strict: fn.strict } : {}),
    };
  });
}

function readToolChoice(choice: unknown, carrying: Carrying): NeutralToolChoice | undefined {
  if (!present(choice)) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { mode: choice };
  if (isJsonObject(choice) && choice.type === 'function' && isJsonObject(choice.function))
    return { mode: 'tool', name: carrying.text(choice.function.name, 'tool_choice.function.name') };
  carrying.refuse('tool_choice');
  return undefined;
}

function readFormat(format: unknown, carrying: Carrying): NeutralFormat | undefined {
  if (!present(format) || (isJsonObject(format) && format.type === 'text')) return undefined;
  const path = 'response_format';
  if (isJsonObject(format) && format.type === 'json_object') return { type: 'json', path };
  if (!isJsonObject(format) || format.type !== 'json_schema' || !isJsonObject(format.json_schema)) {
    carrying.refuse(path);
    return undefined;
  }
  const { name, description, schema, strict } = format.json_schema;
  return {
    type: 'schema',
    path,
    name: carrying.text(name, `${path}.json_schema.name`),
    ...(typeof description === 'string' ? { description } : {}),
    schema,
    ...(typeof strict === 'boolean' ? { strict } : {}),
  };
}

function readStop(stop: unknown, carrying: Carrying): string[] {
  if (!present(stop)) return [];
  if (typeof stop === 'string') return [stop];
  return carrying.list(stop, 'stop').map((entry, index) => carrying.text(entry, `stop[${index}]`));
}

/** Fields whose default alone carries over. */
function checkDefaults(body: JsonObject, carrying: Carrying): void {
  if (present(body.n) && body.n !== 1) carrying.refuse('n', "The backend of this model answers once. Leave 'n' at 1.");
  if (present(body.logprobs) && body.logprobs !== false) carrying.refuse('logprobs');
  for (const field of ['frequency_penalty', 'presence_penalty'])
    if (present(body[field]) && body[field] !== 0) carrying.refuse(field);
}

/** A chat request, already checked by `parseChatRequest`, in neutral form. */
export function readChatCall(body: JsonObject, carrying: Carrying): NeutralCall {
  carrying.onlyKnown(body, KNOWN, '');
  checkDefaults(body, carrying);
  const toolChoice = readToolChoice(body.tool_choice, carrying);
  const format = readFormat(body.response_format, carrying);
  const effort = NEUTRAL_EFFORTS.find((known) => known === body.reasoning_effort);
  if (present(body.reasoning_effort) && effort === undefined) carrying.refuse('reasoning_effort');
  return {
    turns: readTurns(carrying.list(body.messages, 'messages'), carrying),
    tools: readTools(body, carrying),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(body.parallel_tool_calls === false ? { parallelToolCalls: false } : {}),
    ...(present(body.temperature) ? { temperature: carrying.number(body.temperature, 'temperature') } : {}),
    ...(present(body.top_p) ? { topP: carrying.number(body.top_p, 'top_p') } : {}),
    stop: readStop(body.stop, carrying),
    ...(effort === undefined ? {} : { effort }),
    ...(format === undefined ? {} : { format }),
    ...(typeof body.user === 'string' ? { user: body.user } : {}),
  };
}
