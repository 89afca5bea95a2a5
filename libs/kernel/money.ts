import type { Branded } from './ids';

/** An amount of money in nano-USD (10⁻⁹ USD). Never a float. */
export type NanoUsd = Branded<bigint, 'NanoUsd'>;

export const NANO_PER_USD = 1_000_000_000n;
export const ZERO_USD = 0n as NanoUsd;

/** Marks an integer as nano-USD. */
export function nanoUsd(amount: bigint): NanoUsd {
  return amount as NanoUsd;
}

const DECIMAL = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/;

/** Parses a decimal string in USD with at most nine decimals; anything else is `undefined`. */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  const amount = BigInt(whole) * NANO_PER_USD + BigInt(fraction.padEnd(9, '0'));
  return nanoUsd(sign === '-' ? -amount : amount);
}

/** Reads a decimal string in USD that the program itself wrote. @throws RangeError on anything else. */
export function usd(text: string): NanoUsd {
  const amount = parseUsd(text);
  if (amount === undefined) throw new RangeError(`"${text}" is no amount in USD`);
  return amount;
}

/** Formats as a decimal string in USD without trailing zeros: `0.000012345`, `3`, `-1.5`. */
export function formatUsd(amount: NanoUsd): string {
  const magnitude = amount < 0n ? -amount : amount;
  const fraction = (magnitude % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${magnitude / NANO_PER_USD}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Divides rounding up; both operands are non-negative. */
export function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

export function maxBigint(first: bigint, ...rest: readonly bigint[]): bigint {
  return rest.reduce((max, next) => (next > max ? next : max), first);
}

export function minBigint(first: bigint, ...rest: readonly bigint[]): bigint {
  return rest.reduce((min, next) => (next < min ? next : min), first);
}
