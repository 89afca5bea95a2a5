import { z } from 'zod';
import type { NanoUsd } from './money';
import type { EpochMs } from './time';

/** Fields that event schemas are built from. The stored form is canonical JSON; the read form is the domain's type. */

const DECIMAL_INTEGER = /^(?:0|-?[1-9]\d*)$/;

/** A 64-bit (or larger) integer, stored as a decimal string. */
export const bigintField = z
  .string()
  .regex(DECIMAL_INTEGER)
  .transform((text) => BigInt(text));

/** Money in nano-USD, stored as a decimal string. */
export const nanoUsdField = bigintField.transform((amount) => amount as NanoUsd);

/** A moment, stored as whole milliseconds since the epoch. */
export const epochMsField = z
  .number()
  .int()
  .transform((value) => value as EpochMs);

export const countField = z.number().int().nonnegative();

/** A branded string such as an id or a model's name; checked where it was made, so not again here. */
export function brandedField<T extends string>() {
  return z.string().transform((text) => text as T);
}
