import { formatUsd, type NanoUsd } from './money';
import { type EpochMs, formatInstant } from './time';

/** Fields that are amounts of money, wherever they stand in an answer. */
const MONEY = new Set(['cost', 'charged', 'excess', 'actual']);
/** Fields that are moments, beside all whose name ends in "At". */
const MOMENTS = new Set(['at', 'from', 'to', 'time', 'since', 'periodStart', 'countedSince']);

function isMoment(name: string): boolean {
  return MOMENTS.has(name) || name.endsWith('At');
}

type Naming = 'camel' | 'snake';

function named(name: string, naming: Naming): string {
  return naming === 'camel' ? name : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What amounts count that are not money by their name. */
type Amounts = 'money' | 'numbers';

/** A budget's amounts are money only where its unit is cost; its parts are counted in the same unit. */
function amountsOf({ unit }: Readonly<Record<string, unknown>>, outside: Amounts): Amounts {
  if (unit === undefined) return outside;
  return unit === 'cost' ? 'money' : 'numbers';
}

function presentObject(
  value: Readonly<Record<string, unknown>>,
  naming: Naming,
  outside: Amounts,
): Record<string, unknown> {
  const amounts = amountsOf(value, outside);
  const answer: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const shown = named(name, naming);
    if (typeof member === 'bigint')
      answer[shown] = amounts === 'money' || MONEY.has(name) ? formatUsd(member as NanoUsd) : member.toString();
    else if (typeof member === 'number' && isMoment(name)) answer[shown] = formatInstant(member as EpochMs);
    else answer[shown] = present(member, naming, amounts);
  }
  return answer;
}

/**
 * A view's answer as JSON: money in USD and 64-bit integers as decimal strings, moments in RFC 3339, names in the
 * plane's own style (snake_case on `/v1`, camelCase elsewhere).
 */
export function present(value: unknown, naming: Naming, amounts: Amounts = 'numbers'): unknown {
  if (typeof value === 'bigint') return amounts === 'money' ? formatUsd(value as NanoUsd) : value.toString();
  if (Array.isArray(value)) return value.map((item) => present(item, naming, amounts));
  if (typeof value === 'object' && value !== null)
    return presentObject(value as Readonly<Record<string, unknown>>, naming, amounts);
  return value;
}
