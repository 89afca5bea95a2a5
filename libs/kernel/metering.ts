import type { NanoUsd } from './money';
import { ceilDiv, maxBigint, nanoUsd } from './money';

/** Tokens in four disjoint buckets: a token is counted in exactly one. Each is a safe, non-negative integer. */
export interface TokenUsage {
  /** Read from the prompt, neither served from nor written to a cache. */
  readonly input: number;
  /** Read from the backend's prompt cache. */
  readonly cachedInput: number;
  /** Written to the backend's prompt cache. */
  readonly cacheWrite: number;
  /** Generated, reasoning included. */
  readonly output: number;
}

export const NO_USAGE: TokenUsage = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 };

/** A price list of one model: nano-USD per million tokens of each bucket. A call is charged under the version it held. */
export interface Prices {
  readonly version: number;
  readonly input: NanoUsd;
  readonly cachedInput: NanoUsd;
  readonly cacheWrite: NanoUsd;
  readonly output: NanoUsd;
}

/** How sure the platform is of a call's token counts. */
export type Certainty =
  /** The backend reported them, and they are plausible. */
  | 'reported'
  /** The platform counted: the input's bound and what it saw of the output. */
  | 'counted'
  /** Nobody knows: the whole hold counts until someone resolves it. */
  | 'unresolved';

/**
 * An upper bound of what one call can consume, known before it is dispatched (see docs/architecture.md, "The ceiling is
 * a bound").
 */
export interface CallBounds {
  /** No tokenizer can make more input tokens than this. */
  readonly inputTokensMax: number;
  /** A likely count, for rate limits only. */
  readonly inputTokensEstimate: number;
  /** The output cap per choice that the backend will be told. */
  readonly outputTokensCap: number;
  /** A client's own cap is kept or refused; a default one may be clamped to what the budget affords. */
  readonly outputCapSource: 'client' | 'default';
  /** How many outputs the call may generate: max(n, best_of) × prompts. 0 where there is no output (embeddings). */
  readonly outputsMax: number;
}

const TOKENS_PER_PRICE = 1_000_000n;

/** The cost in nano-USD: one division for the whole call, rounded up; the same formula for hold and charge. */
export function costOf(usage: TokenUsage, prices: Prices): NanoUsd {
  const total =
    BigInt(usage.input) * prices.input +
    BigInt(usage.cachedInput) * prices.cachedInput +
    BigInt(usage.cacheWrite) * prices.cacheWrite +
    BigInt(usage.output) * prices.output;
  return nanoUsd(ceilDiv(total, TOKENS_PER_PRICE));
}

/** The most that a call within the bounds can cost: every input token at its dearest bucket, every output at its cap. */
export function ceilingCost(bounds: CallBounds, outputTokensCap: number, prices: Prices): NanoUsd {
  const dearest = maxBigint(prices.input, prices.cachedInput, prices.cacheWrite);
  const total =
    BigInt(bounds.inputTokensMax) * dearest + BigInt(outputTokensCap) * BigInt(bounds.outputsMax) * prices.output;
  return nanoUsd(ceilDiv(total, TOKENS_PER_PRICE));
}

/** The most tokens that a call within the bounds can consume. */
export function ceilingTokens(bounds: CallBounds, outputTokensCap: number): bigint {
  return BigInt(bounds.inputTokensMax) + BigInt(outputTokensCap) * BigInt(bounds.outputsMax);
}

export function totalTokens(usage: TokenUsage): number {
  return usage.input + usage.cachedInput + usage.cacheWrite + usage.output;
}
