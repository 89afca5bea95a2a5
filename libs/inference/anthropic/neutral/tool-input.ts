import { isJsonObject, JsonDocument, type JsonObject } from '../../json';

/** As a document: the input is written as the text that came. */
function parsed(text: string): unknown {
  try {
    return JsonDocument.parse(text).value;
  } catch {
    return undefined; // No JSON text parses to undefined.
  }
}

/**
 * The input of a tool from the JSON text of its arguments, as other dialects have it; undefined when it is no object.
 * Blank texts and `null` say that there are no arguments; some servers write their JSON text as JSON once more.
 */
export function toolInputOf(text: string): JsonObject | undefined {
  if (text.trim() === '') return {};
  const value = parsed(text);
  if (value === null) return {};
  const input = typeof value === 'string' ? parsed(value) : value;
  return isJsonObject(input) ? input : undefined;
}
