import type { JsonObject } from '../../json';
import type { Carrying, NeutralTurn } from '../../neutral';
import { toolsOf } from './tool-list';
import { carriedName, SEARCH_NAME } from './tool-set';

/** Arguments that the client has as a value; backends take them as JSON text. */
function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value ?? {}) ?? '{}');
}

/** What a call of a tool is to a backend that knows functions only. */
export function readCall(item: JsonObject, path: string, carrying: Carrying): NeutralTurn {
  const id = carrying.text(item.call_id, `${path}.call_id`);
  const named = () => carriedName(carrying.text(item.name, `${path}.name`), item.namespace);
  switch (item.type) {
    case 'custom_tool_call': {
      const input = carrying.text(item.input, `${path}.input`);
      const call = { type: 'tool-call', id, name: named(), arguments: JSON.stringify({ input }) } as const;
      return { role: 'assistant', path, parts: [call] };
    }
    case 'tool_search_call': {
      const call = { type: 'tool-call', id, name: SEARCH_NAME, arguments: jsonText(item.arguments) } as const;
      return { role: 'assistant', path, parts: [call] };
    }
    default: {
      const text = carrying.text(item.arguments, `${path}.arguments`);
      return { role: 'assistant', path, parts: [{ type: 'tool-call', id, name: named(), arguments: text }] };
    }
  }
}

/** What a search has found is offered as tools; the model hears their names. */
export function readFound(item: JsonObject, path: string, carrying: Carrying): NeutralTurn {
  const names = toolsOf({ tools: item.tools }).map(({ tool, namespace }) => {
    const { name } = carrying.object(tool, `${path}.tools`);
    return typeof name === 'string' ? carriedName(name, namespace) : '';
  });
  const text = `Found: ${names.join(', ')}`;
  return {
    role: 'tool',
    path,
    callId: carrying.text(item.call_id, `${path}.call_id`),
    parts: [{ type: 'text', text }],
  };
}
