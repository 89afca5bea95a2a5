import type { ModelId } from './ids';
import { holdsOwnSecret } from './redact-secrets';

/** The largest model id in UTF-8. */
export const MODEL_ID_BYTES_MAX = 256;

const CONTROL = /\p{Cc}/u;
const encoder = new TextEncoder();

/**
 * Parses what clients name in `model`. Slashes are allowed inside, since many models are called `maker/model`, but not
 * at the ends, where URLs would lose them. Anything else is `undefined`.
 */
export function parseModelId(text: string): ModelId | undefined {
  if (text.length === 0 || text.length > MODEL_ID_BYTES_MAX || !text.isWellFormed()) return undefined;
  if (encoder.encode(text).length > MODEL_ID_BYTES_MAX) return undefined;
  if (CONTROL.test(text) || holdsOwnSecret(text) || text.startsWith('/') || text.endsWith('/')) return undefined;
  return text as ModelId;
}
