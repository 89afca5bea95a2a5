import { refused } from '#kernel';
import type { Conditional } from '../commands';
import type { LedgerRefusal } from '../refusals';

export const STALE = refused<LedgerRefusal>({
  code: 'definition_stale',
  message: 'Somebody else has changed it since you looked; look again.',
});

/** Compared by the decider itself, so that nobody slips in between the comparison and the record, on any gateway. */
export function isStale({ ifMatch }: Conditional, tag: () => string): boolean {
  return ifMatch !== undefined && !ifMatch.includes(tag());
}
