import type { BudgetId, EpochMs, Prices, TokenUsage } from '#kernel';
import type { BudgetPeriod, BudgetUnit, LedgerEventOf, Touch } from '#ledger';

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

export function tokensOf({ input, cachedInput, cacheWrite, output }: TokenUsage): bigint {
  return BigInt(input + cachedInput + cacheWrite + output);
}

/** What a call that is charged so much counts in one budget. */
export function usedIn({ unit, amount }: Touch, charged: bigint, tokens: bigint): bigint {
  const used = unit === 'cost' ? charged : unit === 'requests' ? 1n : tokens;
  return used < amount ? used : amount;
}

const DAY_MS = 24 * 3_600_000;

/** A calendar's lengths, give or take the hour of a change to or from summer time. */
const LENGTH_DAYS: Readonly<Record<Exclude<BudgetPeriod, 'total'>, readonly [number, number]>> = {
  daily: [1, 1],
  weekly: [7, 7],
  monthly: [28, 31],
  quarterly: [90, 92],
  yearly: [365, 366],
};

export function isPlausibleLength(period: BudgetPeriod, ms: number): boolean {
  if (period === 'total') return false;
  const [min, max] = LENGTH_DAYS[period];
  return ms >= min * DAY_MS - DAY_MS / 24 && ms <= max * DAY_MS + DAY_MS / 24;
}

/** Whether a budget counts a call of this team. */
export function isCountedBy(
  { scope }: BudgetRow,
  call: LedgerEventOf<'InferenceAuthorized'>['data'],
  teamId: string | undefined,
): boolean {
  switch (scope.type) {
    case 'organization':
      return true;
    case 'team':
      return scope.id === teamId;
    case 'project':
      return scope.id === call.projectId;
    case 'api-key':
      return scope.id === call.keyId;
    case 'model':
      return scope.id === call.model;
  }
}
