import type { ResponseCache as CachePolicy } from '#identity';
import { type CallBounds, ceilDiv, nanoUsd, type Prices, type TokenUsage } from '#kernel';
import type { Plan } from './plan';
import type { CacheHit } from './response-cache';

/** What is planned for a call becomes this when its answer is reused. */
export function reusePlan(plan: Plan, { kept, policy }: CacheHit): Plan {
  return { ...plan, ...reusePriceList(plan, policy), bounds: reuseBounds(kept.usage) };
}

/** The whole list, so that a reuse that waits is charged by the prices of its own authorization, too. */
export function reusePriceList(
  { prices, laterPrices }: Pick<Plan, 'prices' | 'laterPrices'>,
  policy: CachePolicy,
): Pick<Plan, 'prices' | 'laterPrices'> {
  const now = reusePrices(prices, policy);
  if (laterPrices === undefined) return { prices: now };
  return {
    prices: now,
    laterPrices: laterPrices.map(({ from, prices: later }) => ({ from, prices: reusePrices(later, policy) })),
  };
}

/** Prices of a reuse: the model's, in percent, rounded up like every charge. */
function reusePrices(prices: Prices, { hitPricePercent }: CachePolicy): Prices {
  const scaled = (price: bigint) => nanoUsd(ceilDiv(price * BigInt(hitPricePercent), 100n));
  return {
    version: prices.version,
    input: scaled(prices.input),
    cachedInput: scaled(prices.cachedInput),
    cacheWrite: scaled(prices.cacheWrite),
    output: scaled(prices.output),
  };
}

/** What a reuse can consume is known exactly: what the first answer did. */
function reuseBounds(usage: TokenUsage): CallBounds {
  const inputTokens = usage.input + usage.cachedInput + usage.cacheWrite;
  return {
    inputTokensMax: inputTokens,
    inputTokensEstimate: inputTokens,
    outputTokensCap: usage.output,
    outputCapSource: 'client',
    outputsMax: usage.output === 0 ? 0 : 1,
  };
}
