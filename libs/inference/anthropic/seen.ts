import { isJsonObject } from '../json';
import { contentBytes } from '../openai/chat/seen';

/** A block of reasoning: what is shown of it is a summary, or nothing, and what is billed is the whole. */
export function isReasoning(block: unknown): boolean {
  return isJsonObject(block) && (block.type === 'thinking' || block.type === 'redacted_thinking');
}

/** UTF-8 bytes of generated text in a content block, or in the delta of one. A signature is not generated text. */
export function blockBytes(block: unknown): number {
  if (!isJsonObject(block)) return 0;
  const { type, input } = block;
  let bytes = contentBytes(block.text) + contentBytes(block.thinking) + contentBytes(block.partial_json);
  if (type === 'tool_use') bytes += contentBytes(block.name);
  if (isJsonObject(input) && Object.keys(input).length > 0) bytes += contentBytes(JSON.stringify(input));
  return bytes;
}
