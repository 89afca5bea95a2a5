import type { Backend } from '../catalogue/types';

/**
 * Which errors of a backend are known to cost nothing. `overload`: that it is overloaded or failed before it said
 * anything (500, 503, 529, and an error in place of any output). `server-errors`: every 5xx before the first byte, too.
 */
export type UnbilledErrors = 'none' | 'overload' | 'server-errors';

/** A backend on record from before `unbilledOverload` was known bills as its other setting says. */
export function unbilledErrorsOf({
  unbilledServerErrors,
  unbilledOverload = unbilledServerErrors,
}: Pick<Backend, 'unbilledServerErrors' | 'unbilledOverload'>): UnbilledErrors {
  if (unbilledServerErrors) return 'server-errors';
  return unbilledOverload ? 'overload' : 'none';
}
