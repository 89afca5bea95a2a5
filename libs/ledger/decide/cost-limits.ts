import type { NanoUsd } from '#kernel';
import type { AuthorizeCall } from '../commands';
import type { Limits } from '../events';
import { keyLimits } from '../limits';
import type { CallRefusal } from '../refusals';
import type { LedgerState } from '../state';

/** The stricter of what a key and its organization are set to. */
export interface CostLimit {
  readonly scope: 'api-key' | 'organization';
  readonly limit: NanoUsd;
}

/** A key's own limit can only narrow its organization's. `undefined`: neither has one. */
export function costLimit(
  state: LedgerState,
  { keyId }: Pick<AuthorizeCall, 'keyId'>,
  of: keyof Pick<Limits, 'callCostMax' | 'unresolvedCostMax'>,
): CostLimit | undefined {
  const own = keyLimits(state, keyId)[of];
  const organization = state.organizationLimits[of];
  if (own !== undefined && (organization === undefined || own <= organization)) return { scope: 'api-key', limit: own };
  return organization === undefined ? undefined : { scope: 'organization', limit: organization };
}

const OWNERS = { 'api-key': 'this API key', organization: 'the organization' } as const;

/** Only resolving makes room again, so this is said before what waiting cures. */
export function unresolvedRefusal(state: LedgerState, command: AuthorizeCall): CallRefusal | undefined {
  const found = costLimit(state, command, 'unresolvedCostMax');
  if (found === undefined) return undefined;
  const { scope, limit } = found;
  const unresolved = state.unresolvedByKey.get(command.keyId) ?? 0n;
  if (unresolved === 0n || unresolved < limit) return undefined;
  return {
    code: 'unresolved_limit_exceeded',
    message: `What calls of this API key cost that nobody knows the cost of reaches the limit that ${OWNERS[scope]} has for that: an administrator resolves them, or the organization's policy does in time.`,
    details: { scope, limit, unresolved },
  };
}

export function callCostRefusal(
  { scope, limit }: CostLimit,
  requested: bigint,
  capThatFits: number | undefined,
): CallRefusal {
  return {
    code: 'call_cost_limit_exceeded',
    message: `This call may cost more than one call of ${OWNERS[scope]} may. Lower the output cap, or ask an administrator for a higher limit.`,
    details: { scope, limit, requested, ...(capThatFits === undefined ? {} : { capThatFits }) },
  };
}
