import type { JsonObject } from '../../json';
import type { Carrying, NeutralAssistantPart, NeutralSource, NeutralTurn, NeutralUserPart } from '../../neutral';

type Block = JsonObject;

const MESSAGE_KEYS: ReadonlySet<string> = new Set(['role', 'content']);
/** How hard to think from here on is read with the call; the rest of `output_config` is refused there. */
const INSTRUCTION_KEYS: ReadonlySet<string> = new Set([...MESSAGE_KEYS, 'output_config']);

function readSource(source: JsonObject, path: string, carrying: Carrying): NeutralSource {
  switch (source.type) {
    case 'url':
      return { kind: 'url', url: carrying.text(source.url, `${path}.url`) };
    case 'base64':
      return {
        kind: 'base64',
        mediaType: carrying.text(source.media_type, `${path}.media_type`),
        data: carrying.text(source.data, `${path}.data`),
      };
    default:
      carrying.refuse(`${path}.type`);
      return { kind: 'url', url: '' };
  }
}

function readDocument(block: Block, path: string, carrying: Carrying): NeutralUserPart {
  const { title, context, citations } = block;
  const source = carrying.object(block.source, `${path}.source`);
  if (context !== undefined && context !== null) carrying.refuse(`${path}.context`);
  if (typeof citations === 'object' && citations !== null && 'enabled' in citations && citations.enabled === true)
    carrying.refuse(`${path}.citations`);
  if (source.type === 'text') {
    const text = carrying.text(source.data, `${path}.source.data`);
    return { type: 'text', text: typeof title === 'string' && title !== '' ? `${title}\n${text}` : text };
  }
  return {
    type: 'document',
    source: readSource(source, `${path}.source`, carrying),
    ...(typeof title === 'string' ? { name: title } : {}),
  };
}

function readUserPart(block: Block, path: string, carrying: Carrying): NeutralUserPart {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: carrying.text(block.text, `${path}.text`) };
    case 'image':
      return {
        type: 'image',
        source: readSource(carrying.object(block.source, `${path}.source`), `${path}.source`, carrying),
      };
    case 'document':
      return readDocument(block, path, carrying);
    // Its definition is among the tools, all of which are offered from the beginning.
    case 'tool_reference':
      return { type: 'text', text: `${carrying.text(block.tool_name, `${path}.tool_name`)} can be called.` };
    default:
      carrying.refuse(`${path}.type`);
      return { type: 'text', text: '' };
  }
}

function readBlocks(content: unknown, path: string, carrying: Carrying): { block: Block; path: string }[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [{ block: { type: 'text', text: content }, path }];
  return carrying.list(content, path).map((entry, index) => {
    const own = `${path}[${index}]`;
    return { block: carrying.object(entry, own), path: own };
  });
}

function readToolResult(block: Block, path: string, carrying: Carrying): NeutralTurn {
  return {
    role: 'tool',
    path,
    callId: carrying.text(block.tool_use_id, `${path}.tool_use_id`),
    parts: readBlocks(block.content, `${path}.content`, carrying).map((part) =>
      readUserPart(part.block, part.path, carrying),
    ),
    ...(block.is_error === true ? { isError: true } : {}),
  };
}

/** Results of tools come first in a turn, as turns of their own; what else the user says follows. */
function readUser(content: unknown, path: string, carrying: Carrying): NeutralTurn[] {
  const results: NeutralTurn[] = [];
  const parts: NeutralUserPart[] = [];
  for (const { block, path: own } of readBlocks(content, `${path}.content`, carrying))
    if (block.type === 'tool_result') results.push(readToolResult(block, own, carrying));
    else parts.push(readUserPart(block, own, carrying));
  return parts.length === 0 ? results : [...results, { role: 'user', path, parts }];
}

function readAssistantPart(block: Block, path: string, carrying: Carrying): NeutralAssistantPart | undefined {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: carrying.text(block.text, `${path}.text`) };
    case 'tool_use':
      return {
        type: 'tool-call',
        id: carrying.text(block.id, `${path}.id`),
        name: carrying.text(block.name, `${path}.name`),
        arguments: carrying.jsonText(carrying.object(block.input, `${path}.input`)),
      };
    // Earlier reasoning, sealed by whoever made it: another backend has no use for it.
    case 'thinking':
    case 'redacted_thinking':
      return undefined;
    default:
      carrying.refuse(`${path}.type`);
      return undefined;
  }
}

/** Instructions in the middle of a conversation. */
function readInstructions(content: unknown, path: string, carrying: Carrying): string {
  return readBlocks(content, path, carrying)
    .filter(({ block }) => block.type !== 'tool_addition')
    .map(({ block, path: own }) => {
      if (block.type !== 'text') carrying.refuse(`${own}.type`);
      return carrying.text(block.text, `${own}.text`);
    })
    .join('\n');
}

function readTurn(message: JsonObject, path: string, carrying: Carrying): NeutralTurn[] {
  const { role, content } = message;
  carrying.onlyKnown(message, role === 'system' ? INSTRUCTION_KEYS : MESSAGE_KEYS, path);
  switch (role) {
    case 'user':
      return readUser(content, path, carrying);
    case 'assistant': {
      const parts = readBlocks(content, `${path}.content`, carrying)
        .map(({ block, path: own }) => readAssistantPart(block, own, carrying))
        .filter((part) => part !== undefined);
      return parts.length === 0 ? [] : [{ role, path, parts }];
    }
    case 'system':
      return [{ role, path, text: readInstructions(content, `${path}.content`, carrying) }];
    default:
      carrying.refuse(`${path}.role`);
      return [];
  }
}

export function readTurns(messages: readonly unknown[], carrying: Carrying): NeutralTurn[] {
  return messages.flatMap((message, index) => {
    const path = `messages[${index}]`;
    return readTurn(carrying.object(message, path), path, carrying);
  });
}
