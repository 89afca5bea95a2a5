import { isJsonObject, type JsonObject } from '../../json';
import { utf8Bytes } from '../../metering/text-bytes';

/** Bytes of a text that a backend sent; a lone surrogate (possible through escapes) counts as its replacement. */
function textBytes(text: string): number {
  const bytes = utf8Bytes(text);
  return bytes < 0 ? Buffer.byteLength(text, 'utf8') : bytes;
}

/** Text of a content that may be a string or, with some backends, a list of parts. */
export function contentBytes(content: unknown): number {
  if (typeof content === 'string') return textBytes(content);
  if (Array.isArray(content)) return content.reduce((sum: number, part) => sum + contentBytes(part), 0);
  if (!isJsonObject(content)) return 0;
  return contentBytes(content.text ?? content.refusal ?? content.thinking);
}

function functionBytes(call: unknown): number {
  if (!isJsonObject(call)) return 0;
  return contentBytes(call.name) + contentBytes(call.arguments ?? call.input);
}

function toolCallsBytes(calls: unknown): number {
  if (!Array.isArray(calls)) return 0;
  let bytes = 0;
  for (const call of calls) if (isJsonObject(call)) bytes += functionBytes(call.function ?? call.custom);
  return bytes;
}

/**
 * UTF-8 bytes of what a message, or a delta of one, holds of generated text. Reasoning goes by two names; a backend
 * that sends both sends the same text twice.
 */
export function generatedBytes(message: JsonObject): number {
  let bytes = 0;
  const content = message.content;
  if (content !== undefined && content !== null) bytes += contentBytes(content);
  const reasoning = message.reasoning_content ?? message.reasoning;
  if (reasoning !== undefined && reasoning !== null) bytes += contentBytes(reasoning);
  if (message.refusal !== undefined) bytes += contentBytes(message.refusal);
  if (message.tool_calls !== undefined) bytes += toolCallsBytes(message.tool_calls);
  if (message.function_call !== undefined) bytes += functionBytes(message.function_call);
  return bytes;
}
