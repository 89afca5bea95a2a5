import { accepted, refused } from '#kernel';
import type { SetUnresolvedPolicy } from '../commands';
import type { LedgerEvent } from '../events';
import type { LedgerRefusal } from '../refusals';
import type { LedgerState } from '../state';
import { policyTag } from '../tags';
import { isStale, STALE } from './conditional';
import { unresolvedPolicy } from './resolve';

/** A year: who waits longer chooses `never`. */
export const POLICY_SECONDS_MAX = 31_536_000;

export function setUnresolvedPolicy(command: SetUnresolvedPolicy, state: LedgerState) {
  const { resolveAt, afterSeconds } = command.policy;
  if (isStale(command, () => policyTag(unresolvedPolicy(state)))) return STALE;
  if (!Number.isInteger(afterSeconds) || afterSeconds < 0 || afterSeconds > POLICY_SECONDS_MAX)
    return refused<LedgerRefusal>({
      code: 'policy_invalid',
      message: `afterSeconds is a whole number from 0 to ${POLICY_SECONDS_MAX}.`,
    });
  const before = state.unresolvedPolicy;
  // The default is not what somebody has chosen: choosing the same is recorded, and outlives another default.
  if (before !== undefined && before.resolveAt === resolveAt && before.afterSeconds === afterSeconds)
    return accepted<LedgerEvent>();
  return accepted<LedgerEvent>({ type: 'UnresolvedPolicySet', data: { policy: { resolveAt, afterSeconds } } });
}
