import { isJsonObject, type JsonObject } from '../../json';

/** One tool as a client offers it, wherever it does: agents put tools into the input as well. */
export interface ListedTool {
  /** In the client's own terms, for example `tools[2].tools[0]`. */
  readonly path: string;
  readonly tool: unknown;
  readonly namespace?: string;
}

/** Items of an input that hold tools. Those of a search that the backend would have run are offered anyway. */
const ITEMS_WITH_TOOLS: ReadonlySet<unknown> = new Set(['additional_tools', 'tool_search_output']);

function listed(tools: unknown, path: string): ListedTool[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool: unknown, index): ListedTool[] => {
    const own = `${path}[${index}]`;
    if (!isJsonObject(tool) || tool.type !== 'namespace') return [{ path: own, tool }];
    const { name, tools: inner } = tool;
    if (typeof name !== 'string' || !Array.isArray(inner)) return [{ path: own, tool: undefined }];
    return inner.map((one: unknown, at) => ({ path: `${own}.tools[${at}]`, tool: one, namespace: name }));
  });
}

/** All tools that a request offers, in its own order; namespaces are opened. */
export function toolsOf({ tools, input }: JsonObject): readonly ListedTool[] {
  const items: readonly unknown[] = Array.isArray(input) ? input : [];
  return [
    ...listed(tools, 'tools'),
    ...items.flatMap((item, index) =>
      isJsonObject(item) && ITEMS_WITH_TOOLS.has(item.type) ? listed(item.tools, `input[${index}].tools`) : [],
    ),
  ];
}

/**
 * How a tool is offered to a backend. Every backend knows functions: a tool that takes free text is a function of one
 * text, a search that the client runs is a function as well. What would run on the backend's side and is a mere offer
 * to the model is left out: agents list it whether or not it is there.
 */
export type ToolForm = 'function' | 'custom' | 'client-search' | 'left-out';

const LEFT_OUT = /^(?:web_search|web_search_preview|image_generation)(?:_\d{4}_\d{2}_\d{2})?$/;

/** Undefined for tools that have a price of their own, or none here. */
export function formOf(tool: JsonObject): ToolForm | undefined {
  const { type, execution } = tool;
  if (type === 'function' || type === 'custom') return type;
  // All tools are there from the beginning, so that there is nothing to look for on the backend's side.
  if (type === 'tool_search') return execution === 'client' ? 'client-search' : 'left-out';
  return typeof type === 'string' && LEFT_OUT.test(type) ? 'left-out' : undefined;
}
