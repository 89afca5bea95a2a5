import type { ModelId } from '#kernel';
import { canonicalJson, parseModelId } from '#kernel';

/** How large a list of models may be in an event, in bytes of JSON: with the envelope it stays well below an event's maximum. */
export const MODEL_LIST_BYTES_MAX = 40_000;

export const MODEL_LIST_RULE = `name each model by its id of 1 to 256 bytes; the whole list takes at most ${MODEL_LIST_BYTES_MAX} bytes`;

/**
 * Parses a list of model ids: each once and sorted, so that equal sets are equal lists. Whether a model exists is not
 * asked: a list may name one that is still to come. Anything else is `undefined`.
 */
export function parseModelList(models: readonly string[]): readonly ModelId[] | undefined {
  const parsed: ModelId[] = [];
  for (const text of new Set(models)) {
    const id = parseModelId(text);
    if (id === undefined) return undefined;
    parsed.push(id);
  }
  const bytes = Buffer.byteLength(canonicalJson(parsed));
  return bytes > MODEL_LIST_BYTES_MAX ? undefined : parsed.sort();
}
