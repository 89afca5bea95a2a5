import type { CallBounds } from '#kernel';
import type { UsageReading } from './facts';

/** What one call can have used at most, whatever anybody says. */
export interface UsageLimits {
  /** As granted, and written into the request. */
  readonly bounds: CallBounds;
  /** No backend reads more than its context, for each prompt. */
  readonly contextTokens: number;
  readonly prompts: number;
}

export type BeyondPossible = 'input-beyond-context' | 'output-beyond-cap';

/**
 * Why a report cannot be true: more was read than fits into the model, or more was generated than the backend was told to
 * at most. It may still be what the provider bills, so it is a reason to look at the model as well.
 */
export function beyondPossible(reading: UsageReading, limits: UsageLimits): BeyondPossible | undefined {
  if (reading.kind !== 'reported') return undefined;
  const { input, cachedInput, cacheWrite, output } = reading.usage;
  const { outputTokensCap, outputsMax } = limits.bounds;
  if (output > outputTokensCap * outputsMax) return 'output-beyond-cap';
  return input + cachedInput + cacheWrite > limits.contextTokens * limits.prompts ? 'input-beyond-context' : undefined;
}
