import { isJsonObject, type JsonObject } from '../../json';
import {
  type Carrying,
  NEUTRAL_EFFORTS,
  type NeutralCall,
  type NeutralEffort,
  type NeutralFormat,
  type NeutralTool,
  type NeutralToolChoice,
  type NeutralTurn,
} from '../../neutral';
import { readTurns } from './read-turns';

/** Fields that are read here, or that change nothing about the answer and are therefore not missed. */
const KNOWN: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'max_tokens',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'tools',
  'tool_choice',
  'thinking',
  'metadata',
  'output_config',
  // Hints: a prompt that is not shortened is the one that was held.
  'context_management',
  'diagnostics',
  'service_tier',
  'speed',
  'cache_control',
]);

const TOOL_KEYS: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'input_schema',
  'strict',
  'cache_control',
  'eager_input_streaming',
  // Offered from the beginning all the same.
  'defer_loading',
]);

const OUTPUT_KEYS: ReadonlySet<string> = new Set(['effort', 'format']);
const NAME_OF_FORMAT = 'answer';

function present(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readSystem(system: unknown, carrying: Carrying): NeutralTurn[] {
  if (!present(system) || system === '') return [];
  if (typeof system === 'string') return [{ role: 'system', path: 'system', text: system }];
  const texts = carrying.list(system, 'system').map((entry, index) => {
    const block = carrying.object(entry, `system[${index}]`);
    if (block.type !== 'text') carrying.refuse(`system[${index}].type`);
    return carrying.text(block.text, `system[${index}].text`);
  });
  return [{ role: 'system', path: 'system', text: texts.join('\n') }];
}

function readTools(tools: unknown, carrying: Carrying): NeutralTool[] {
  if (!present(tools)) return [];
  return carrying.list(tools, 'tools').map((entry, index) => {
    const path = `tools[${index}]`;
    const tool = carrying.object(entry, path);
    carrying.onlyKnown(tool, TOOL_KEYS, path);
    return {
      name: carrying.text(tool.name, `${path}.name`),
      ...(typeof tool.description === 'string' ? { description: tool.description } : {}),
      parameters: carrying.object(tool.input_schema, `${path}.input_schema`),
      ...(typeof tool.strict === 'boolean' ? { strict: tool.strict } : {}),
    };
  });
}

function readToolChoice(choice: unknown, carrying: Carrying): NeutralToolChoice | undefined {
  if (!present(choice)) return undefined;
  const { type, name } = carrying.object(choice, 'tool_choice');
  switch (type) {
    case 'auto':
    case 'none':
      return { mode: type };
    case 'any':
      return { mode: 'required' };
    case 'tool':
      return { mode: 'tool', name: carrying.text(name, 'tool_choice.name') };
    default:
      carrying.refuse('tool_choice.type');
      return undefined;
  }
}

/** The most tokens of thinking that count as little, and as middling; any more is much. */
const BUDGET_OF_LOW_MAX = 4_096;
const BUDGET_OF_MEDIUM_MAX = 16_384;

/**
 * A budget of thinking as the effort that comes nearest: it has no other meaning elsewhere, and what it costs is output
 * within the cap either way. Adaptive and disabled thinking are left to the model, as most know no such switch.
 */
function readThinking(thinking: unknown, carrying: Carrying): NeutralEffort | undefined {
  if (!present(thinking)) return undefined;
  const { type, budget_tokens: budget } = carrying.object(thinking, 'thinking');
  if (type === 'disabled' || type === 'adaptive') return undefined;
  if (type !== 'enabled') carrying.refuse('thinking.type');
  const tokens = carrying.number(budget, 'thinking.budget_tokens');
  if (tokens <= BUDGET_OF_LOW_MAX) return 'low';
  return tokens <= BUDGET_OF_MEDIUM_MAX ? 'medium' : 'high';
}

interface Output {
  readonly effort?: NeutralEffort;
  readonly format?: NeutralFormat;
}

function readOutput(config: unknown, carrying: Carrying): Output {
  if (!present(config)) return {};
  const output = carrying.object(config, 'output_config');
  carrying.onlyKnown(output, OUTPUT_KEYS, 'output_config');
  const effort = NEUTRAL_EFFORTS.find((known) => known === output.effort);
  if (present(output.effort) && effort === undefined) carrying.refuse('output_config.effort');
  const { format } = output;
  if (present(format) && !(isJsonObject(format) && format.type === 'json_schema'))
    carrying.refuse('output_config.format');
  return {
    ...(effort === undefined ? {} : { effort }),
    ...(isJsonObject(format)
      ? {
          format: {
            type: 'schema',
            path: 'output_config.format',
            name: NAME_OF_FORMAT,
            schema: format.schema,
            strict: true,
          },
        }
      : {}),
  };
}

const TURN_OUTPUT_KEYS: ReadonlySet<string> = new Set(['effort']);

/** A turn of instructions may say how hard to think from there on: the last one that does decides. */
function readLastEffort(messages: readonly unknown[], carrying: Carrying): Pick<Output, 'effort'> {
  let last: Pick<Output, 'effort'> = {};
  for (const [index, message] of messages.entries()) {
    if (!isJsonObject(message) || message.role !== 'system' || !present(message.output_config)) continue;
    const path = `messages[${index}].output_config`;
    const config = carrying.object(message.output_config, path);
    carrying.onlyKnown(config, TURN_OUTPUT_KEYS, path);
    const effort = NEUTRAL_EFFORTS.find((known) => known === config.effort);
    if (present(config.effort) && effort === undefined) carrying.refuse(`${path}.effort`);
    if (effort !== undefined) last = { effort };
  }
  return last;
}

/** A request for a message, already checked by `parseMessagesRequest`, in neutral form. */
export function readMessagesCall(body: JsonObject, carrying: Carrying): NeutralCall {
  carrying.onlyKnown(body, KNOWN, '');
  const effort = readThinking(body.thinking, carrying);
  const toolChoice = readToolChoice(body.tool_choice, carrying);
  const { tool_choice: choice, metadata } = body;
  const isSerial = isJsonObject(choice) && choice.disable_parallel_tool_use === true;
  const stop = present(body.stop_sequences) ? carrying.list(body.stop_sequences, 'stop_sequences') : [];
  return {
    turns: [...readSystem(body.system, carrying), ...readTurns(carrying.list(body.messages, 'messages'), carrying)],
    tools: readTools(body.tools, carrying),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(isSerial ? { parallelToolCalls: false } : {}),
    ...(present(body.temperature) ? { temperature: carrying.number(body.temperature, 'temperature') } : {}),
    ...(present(body.top_p) ? { topP: carrying.number(body.top_p, 'top_p') } : {}),
    stop: stop.map((entry, index) => carrying.text(entry, `stop_sequences[${index}]`)),
    ...(effort === undefined ? {} : { effort }),
    // An effort that is wished for by name goes first.
    ...readOutput(body.output_config, carrying),
    ...readLastEffort(carrying.list(body.messages, 'messages'), carrying),
    ...(isJsonObject(metadata) && typeof metadata.user_id === 'string' ? { user: metadata.user_id } : {}),
  };
}
