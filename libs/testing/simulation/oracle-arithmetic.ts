import type { BudgetId, EpochMs, Prices, TokenUsage } from '#kernel';
import type { BudgetUnit, LedgerEventOf, Touch } from '#ledger';

export type BudgetRow = LedgerEventOf<'BudgetDefined'>['data'] & {
  ended: boolean;
  current?: { readonly from: EpochMs; readonly to?: EpochMs };
};

/** Rounded up by hand, so that no formula of the platform's is trusted. */
function nano(total: bigint): bigint {
  return total % 1_000_000n === 0n ? total / 1_000_000n : total / 1_000_000n + 1n;
}

export function costOfUsage(usage: TokenUsage, prices: Prices): bigint {
  const parts = ['input', 'cachedInput', 'cacheWrite', 'output'] as const;
  return nano(parts.reduce((sum, part) => sum + BigInt(usage[part]) * prices[part], 0n));
}

/** What a call holds in a budget of this unit. */
export function ceilingOf(call: LedgerEventOf<'InferenceAuthorized'>['data'], unit: BudgetUnit): bigint {
  const { bounds, prices } = call;
  const outputs = BigInt(bounds.outputTokensCap) * BigInt(bounds.outputsMax);
  const inputs = BigInt(bounds.inputTokensMax);
  if (unit === 'requests') return 1n;
  if (unit === 'tokens') return inputs + outputs;
  const dearest = [prices.cachedInput, prices.cacheWrite].reduce((a, b) => (b > a ? b : a), prices.input);
  return nano(inputs * dearest + outputs * prices.output);
}

export type Sum = 'held' | 'settled' | 'unresolved';
type Place = Pick<Touch, 'budgetId' | 'from'>;

/** What each budget counts in each period, for ever. */
export class BudgetSums {
  readonly rows = new Map<string, Record<Sum, bigint>>();

  of({ budgetId, from }: { readonly budgetId: BudgetId; readonly from: EpochMs }): Record<Sum, bigint> {
    const key = `${budgetId}@${from}`;
    const row = this.rows.get(key) ?? { held: 0n, settled: 0n, unresolved: 0n };
    this.rows.set(key, row);
    return row;
  }

  total(place: Place): bigint {
    const { held, settled, unresolved } = this.of(place);
    return held + settled + unresolved;
  }

  add(place: Place, sum: Sum, amount: bigint): void {
    this.of(place)[sum] += amount;
  }

  settle(touches: readonly Touch[], from: 'held' | 'unresolved', charged: bigint, tokens: number): void {
    for (const touch of touches) {
      const used = touch.unit === 'cost' ? charged : touch.unit === 'requests' ? 1n : BigInt(tokens);
      this.add(touch, from, -touch.amount);
      this.add(touch, 'settled', used < touch.amount ? used : touch.amount);
    }
  }
}
