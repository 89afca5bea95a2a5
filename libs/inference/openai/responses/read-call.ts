import { isJsonObject, type JsonObject } from '../../json';
import {
  type Carrying,
  NEUTRAL_EFFORTS,
  NEUTRAL_VERBOSITIES,
  type NeutralCall,
  type NeutralEffort,
  type NeutralFormat,
  type NeutralToolChoice,
  type NeutralTurn,
  type NeutralVerbosity,
} from '../../neutral';
import { readItems } from './read-items';
import { carriedName, readToolSet } from './tool-set';

/** Fields that are read here, or that change nothing about the answer and are therefore not missed. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'max_output_tokens',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'reasoning',
  'text',
  'user',
  // Checked before.
  'store',
  'background',
  'truncation',
  'include',
  'modalities',
  'service_tier',
  // Hints and labels.
  'client_metadata',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
]);

const TEXT_KEYS: ReadonlySet<string> = new Set(['format', 'verbosity']);
const REASONING_KEYS: ReadonlySet<string> = new Set(['effort', 'summary', 'generate_summary', 'context', 'mode']);

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readInstructions(instructions: unknown): NeutralTurn[] {
  return typeof instructions === 'string' && instructions !== ''
    ? [{ role: 'system', path: 'instructions', text: instructions }]
    : [];
}

function readToolChoice(choice: unknown, carrying: Carrying): NeutralToolChoice | undefined {
  if (!present(choice)) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { mode: choice };
  if (isJsonObject(choice) && (choice.type === 'function' || choice.type === 'custom'))
    return { mode: 'tool', name: carriedName(carrying.text(choice.name, 'tool_choice.name'), choice.namespace) };
  carrying.refuse('tool_choice');
  return undefined;
}

function readEffort(reasoning: unknown, carrying: Carrying): NeutralEffort | undefined {
  if (!present(reasoning)) return undefined;
  const wanted = carrying.object(reasoning, 'reasoning');
  carrying.onlyKnown(wanted, REASONING_KEYS, 'reasoning');
  const effort = NEUTRAL_EFFORTS.find((known) => known === wanted.effort);
  if (present(wanted.effort) && effort === undefined) carrying.refuse('reasoning.effort');
  // Any other runs the model more than once.
  if (present(wanted.mode) && wanted.mode !== 'standard') carrying.refuse('reasoning.mode');
  return effort;
}

function readFormat(text: unknown, carrying: Carrying): NeutralFormat | undefined {
  if (!present(text)) return undefined;
  const config = carrying.object(text, 'text');
  carrying.onlyKnown(config, TEXT_KEYS, 'text');
  const path = 'text.format';
  if (!present(config.format)) return undefined;
  const format = carrying.object(config.format, path);
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { type: 'json', path };
    case 'json_schema':
      return {
        type: 'schema',
        path,
        name: carrying.text(format.name, `${path}.name`),
        ...(typeof format.description === 'string' ? { description: format.description } : {}),
        schema: format.schema,
        ...(typeof format.strict === 'boolean' ? { strict: format.strict } : {}),
      };
    default:
      carrying.refuse(`${path}.type`);
      return undefined;
  }
}

function readVerbosity(text: unknown, carrying: Carrying): NeutralVerbosity | undefined {
  const wanted = isJsonObject(text) ? text.verbosity : undefined;
  const verbosity = NEUTRAL_VERBOSITIES.find((known) => known === wanted);
  if (present(wanted) && verbosity === undefined) carrying.refuse('text.verbosity');
  return verbosity;
}

/** A request for a response, already checked by `parseResponsesRequest`, in neutral form. */
export function readResponsesCall(body: JsonObject, carrying: Carrying): NeutralCall {
  carrying.onlyKnown(body, KNOWN, '');
  const toolChoice = readToolChoice(body.tool_choice, carrying);
  const effort = readEffort(body.reasoning, carrying);
  const format = readFormat(body.text, carrying);
  const verbosity = readVerbosity(body.text, carrying);
  return {
    turns: [...readInstructions(body.instructions), ...readItems(body.input, carrying)],
    tools: readToolSet(body, carrying).tools,
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(body.parallel_tool_calls === false ? { parallelToolCalls: false } : {}),
    ...(present(body.temperature) ? { temperature: carrying.number(body.temperature, 'temperature') } : {}),
    ...(present(body.top_p) ? { topP: carrying.number(body.top_p, 'top_p') } : {}),
    stop: [],
    ...(effort === undefined ? {} : { effort }),
    ...(format === undefined ? {} : { format }),
    ...(verbosity === undefined ? {} : { verbosity }),
    ...(typeof body.user === 'string' ? { user: body.user } : {}),
  };
}
