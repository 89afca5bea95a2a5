import { Buffer } from 'node:buffer';
import type { FindCursor } from '#read-store';
import { QueryRefusedError } from './query-refused';

export const PAGE_LIMIT_MAX = 1_000;
const PAGE_LIMIT_DEFAULT = 50;

/** @throws QueryRefusedError */
export function pageLimit(limit: number = PAGE_LIMIT_DEFAULT, limitMax: number = PAGE_LIMIT_MAX): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= limitMax) return limit;
  throw new QueryRefusedError('limit_invalid', `"limit" is a whole number from 1 to ${limitMax}.`);
}

/** A cursor as clients carry it: opaque, and safe in a URL. */
export function writeCursor({ value, id }: FindCursor): string {
  return Buffer.from(JSON.stringify([typeof value === 'bigint' ? String(value) : value, id])).toString('base64url');
}

/** Anything but a cursor that was written here is `undefined`. */
export function readCursor(text: string): FindCursor | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!Array.isArray(parsed) || parsed.length !== 2) return undefined;
    const [value, id] = parsed as unknown[];
    const isValue = typeof value === 'string' || Number.isSafeInteger(value);
    return isValue && typeof id === 'string' ? { value: value as string | number, id } : undefined;
  } catch {
    return undefined;
  }
}
