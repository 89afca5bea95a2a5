import type { EpochMs } from '#kernel';
import { currentPrices } from './state';
import type { Model, PriceVersion } from './types';

/** A price list, and from when on it is the one in force. */
export interface UpcomingPrices {
  readonly from: EpochMs;
  readonly prices: PriceVersion;
}

/** What will be in force after a moment, as far as it is known now; ascending by time. */
export function upcomingPrices(model: Model, after: EpochMs): readonly UpcomingPrices[] {
  const times = model.prices.map(({ effectiveFrom }) => effectiveFrom).filter((from) => from > after);
  if (times.length === 0) return [];
  const upcoming: UpcomingPrices[] = [];
  let before = currentPrices(model, after);
  for (const from of [...new Set(times)].sort((a, b) => a - b)) {
    const prices = currentPrices(model, from);
    if (prices !== undefined && prices !== before) upcoming.push({ from, prices });
    before = prices;
  }
  return upcoming;
}
