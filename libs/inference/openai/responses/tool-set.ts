import { isJsonObject, type JsonObject } from '../../json';
import { type Carrying, carry, type NeutralTool } from '../../neutral';
import { formOf, type ListedTool, type ToolForm, toolsOf } from './tool-list';

/** What a call of an offered tool is, in the client's own terms. */
export interface OfferedTool {
  readonly form: Exclude<ToolForm, 'left-out'>;
  readonly name: string;
  readonly namespace?: string;
}

export interface ToolSet {
  readonly tools: readonly NeutralTool[];
  /** By the name under which a backend knows the tool. */
  readonly offered: ReadonlyMap<string, OfferedTool>;
}

const FUNCTION_KEYS: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'parameters',
  'strict',
  // Every tool is there from the beginning; what it answers is told when it does.
  'defer_loading',
  'output_schema',
]);
const CUSTOM_KEYS: ReadonlySet<string> = new Set(['type', 'name', 'description', 'format', 'defer_loading']);

const NO_PARAMETERS = { type: 'object', properties: {} } as const;
/** The one parameter of a tool that takes free text. */
const FREE_TEXT = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool, as plain text.' } },
  required: ['input'],
  additionalProperties: false,
} as const;

/** More than is written around a tool of free text and its grammar. */
export const FREE_TEXT_BYTES = 512;
export const SEARCH_NAME = 'tool_search';

const NAME_CHARACTERS_MAX = 64;

/** FNV-1a: names that are cut must not become the same. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36);
}

/** The name under which a backend knows a tool: backends have no namespaces, and few characters for names. */
export function carriedName(name: string, namespace: unknown): string {
  if (typeof namespace !== 'string' || namespace === '') return name;
  const whole = `${namespace}__${name}`.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  if (whole.length <= NAME_CHARACTERS_MAX) return whole;
  const mark = digest(`${namespace}\n${name}`);
  return `${whole.slice(0, NAME_CHARACTERS_MAX - mark.length - 1)}_${mark}`;
}

function descriptionOf(tool: JsonObject): string {
  const said = typeof tool.description === 'string' ? tool.description : '';
  const { format } = tool;
  if (!isJsonObject(format) || format.type !== 'grammar' || typeof format.definition !== 'string') return said;
  const syntax = typeof format.syntax === 'string' ? `${format.syntax} ` : '';
  return `${said}\n\nThe input follows this ${syntax}grammar:\n${format.definition}`;
}

/** Called by the model itself, one call at a time and to its end: all other ways need the backend's own help. */
function checkCallers(tool: JsonObject, path: string, carrying: Carrying): void {
  const { allowed_callers: callers, async: isAsync } = tool;
  if (Array.isArray(callers) && !callers.includes('direct')) carrying.refuse(`${path}.allowed_callers`);
  if (isAsync === true) carrying.refuse(`${path}.async`);
}

function readTool(
  { tool: entry, path, namespace }: ListedTool,
  form: OfferedTool['form'],
  carrying: Carrying,
): { readonly tool: NeutralTool; readonly offered: OfferedTool } {
  const { allowed_callers: _callers, async: _async, ...tool } = carrying.object(entry, path);
  checkCallers(carrying.object(entry, path), path, carrying);
  const name = form === 'client-search' ? SEARCH_NAME : carrying.text(tool.name, `${path}.name`);
  if (form !== 'client-search') carrying.onlyKnown(tool, form === 'custom' ? CUSTOM_KEYS : FUNCTION_KEYS, path);
  const description = descriptionOf(tool);
  return {
    tool: {
      name: carriedName(name, namespace),
      ...(description === '' ? {} : { description }),
      parameters: form === 'custom' ? FREE_TEXT : (tool.parameters ?? NO_PARAMETERS),
      ...(typeof tool.strict === 'boolean' ? { strict: tool.strict } : {}),
    },
    offered: { form, name, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** The tools that a request offers, as backends take them. What an agent lists twice is offered once, as listed last. */
export function readToolSet(body: JsonObject, carrying: Carrying): ToolSet {
  const tools = new Map<string, NeutralTool>();
  const offered = new Map<string, OfferedTool>();
  for (const listed of toolsOf(body)) {
    const form = isJsonObject(listed.tool) ? formOf(listed.tool) : undefined;
    if (form === undefined) carrying.refuse(`${listed.path}.type`);
    if (form === undefined || form === 'left-out') continue;
    const read = readTool(listed, form, carrying);
    const { name } = read.tool;
    const before = offered.get(name);
    if (before !== undefined && (before.name !== read.offered.name || before.namespace !== read.offered.namespace))
      carrying.invalid(`${listed.path}.name`, `Two tools would both be called '${name}'. Rename one of them.`);
    tools.set(name, read.tool);
    offered.set(name, read.offered);
  }
  return { tools: [...tools.values()], offered };
}

/** For requests that were read before. */
export function offeredTools(body: JsonObject): ToolSet['offered'] {
  const read = carry((carrying) => readToolSet(body, carrying));
  return read.ok ? read.value.offered : new Map();
}

/** The tools of a request as its answer tells them: those that the model was offered. */
export function toldTools({ tools }: JsonObject): unknown {
  if (!Array.isArray(tools)) return [];
  return tools.filter((tool) => !isJsonObject(tool) || formOf(tool) !== 'left-out');
}

/** What a tool of free text was asked, from the arguments of the function that stood for it. */
export function freeTextOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) && typeof parsed.input === 'string' ? parsed.input : text;
  } catch {
    return text; // The model has written the text itself.
  }
}

/** The arguments of a search, from those of the function that stood for it. */
export function searchArguments(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
