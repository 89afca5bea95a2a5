import type { Check } from '#gateway';
import type { LedgerService } from '#ledger';

/** Clocks are corrected by so much all the time. */
const AHEAD_MS_MAX = 1_000;

/**
 * A clock behind the record is no reason to admit no call: periods, rates and prices follow the record's time, which goes
 * on at half speed until the clock has caught up. But somebody has set it wrong, now or before.
 */
export function checkClock({ aheadMs }: Pick<LedgerService, 'aheadMs'>): Check {
  if (aheadMs <= AHEAD_MS_MAX) return { status: 'pass' };
  const seconds = Math.round(aheadMs / 1_000);
  const message = `this machine's clock is ${seconds} s behind the newest event of a ledger: periods, rate limits and prices follow the record's time until the clock has caught up; set it right`;
  return { status: 'warn', message };
}
