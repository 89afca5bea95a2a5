import type { CallBounds, TokenUsage } from '#kernel';
import type { KnownInput, SeenOutput } from './facts';

/**
 * English has about four bytes per token, code and most other scripts about three. The lower figure errs in favour of
 * the budget, without charging the byte bound for what a client saw.
 */
const BYTES_PER_COUNTED_TOKEN = 3;

/** A count of output tokens from what was seen: by bytes, but never fewer than the pieces that arrived one by one. */
export function countedOutputTokens(seen: SeenOutput): number {
  return Math.max(seen.deltas, Math.ceil(seen.textBytes / BYTES_PER_COUNTED_TOKEN));
}

/** Whether a backend's word about the input can be true: it was no empty prompt, and no larger than its bound. */
function isPossible({ input, cachedInput, cacheWrite }: KnownInput, bounds: CallBounds): boolean {
  const sum = input + cachedInput + cacheWrite;
  return sum > 0 && sum <= bounds.inputTokensMax;
}

/**
 * What a call is charged when nobody reported its tokens: its input as the backend named it at the beginning, else the
 * bound of it, and the count of its output, never beyond its hold. Says nothing about a model that reasons invisibly,
 * nor about an output that was not seen.
 */
export function countedUsage(
  bounds: CallBounds,
  outputTokensCap: number,
  seen: SeenOutput,
  known?: KnownInput,
): TokenUsage {
  const { input, cachedInput, cacheWrite } =
    known !== undefined && isPossible(known, bounds)
      ? known
      : { input: bounds.inputTokensMax, cachedInput: 0, cacheWrite: 0 };
  return {
    input,
    cachedInput,
    cacheWrite,
    output: Math.min(countedOutputTokens(seen), outputTokensCap * bounds.outputsMax),
  };
}
