import { costOf, type NanoUsd, nanoUsd, type TokenUsage, totalTokens } from '#kernel';
import type { Touch } from './events';
import type { Hold } from './state';

export interface Charge {
  /** What the tokens cost under the hold's prices. */
  readonly actual: NanoUsd;
  /** What budgets count: never more than was held, so that settling cannot break the invariant. */
  readonly charged: NanoUsd;
  readonly excess: NanoUsd;
}

export function chargeFor(hold: Hold, actual: NanoUsd): Charge {
  const held = hold.call.holdCost;
  const charged = actual < held ? actual : held;
  return { actual, charged, excess: nanoUsd(actual - charged) };
}

export function chargeForUsage(hold: Hold, usage: TokenUsage): Charge {
  return chargeFor(hold, costOf(usage, hold.call.prices));
}

/** What a settled call counts in one budget; never more than it held there. */
export function settledAmount(touch: Touch, charged: NanoUsd, tokens: bigint): bigint {
  switch (touch.unit) {
    case 'cost':
      return charged;
    case 'tokens':
      return tokens < touch.amount ? tokens : touch.amount;
    case 'requests':
      return 1n;
  }
}

export function usageTokens(usage: TokenUsage): bigint {
  return BigInt(totalTokens(usage));
}

export function isValidUsage(usage: TokenUsage): boolean {
  const counts = [usage.input, usage.cachedInput, usage.cacheWrite, usage.output];
  return counts.every((count) => Number.isSafeInteger(count) && count >= 0) && Number.isSafeInteger(totalTokens(usage));
}

/** Thresholds (percent of the limit, ascending) that `spent` has reached. */
export function reachedThresholds(thresholds: readonly number[], spent: bigint, limit: bigint): readonly number[] {
  if (spent <= 0n) return [];
  return thresholds.filter((threshold) => spent * 100n >= BigInt(threshold) * limit);
}
