import { createHash } from 'node:crypto';
import { canonicalJson } from '#kernel';
import type { Limits, LimitsTarget, UnresolvedPolicy } from './events';
import { keyLimits } from './limits';
import type { BudgetDefinition, LedgerState } from './state';

const TAG_CHARACTERS = 16;

function tagOf(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, TAG_CHARACTERS);
}

/**
 * What tells one version of a budget's definition from another. A ledger's revision grows with every call, so it would
 * tell an editor nothing; what is counted is no part of the tag.
 */
export function budgetTag(budget: Omit<BudgetDefinition, 'countedSince' | 'budgetId'> & { ended: boolean }): string {
  const { name, scope, unit, period, limit, mode, thresholds, timeZone, ended } = budget;
  return tagOf({ name, scope, unit, period, limit, mode, thresholds, timeZone, ended });
}

export function limitsTag(limits: Limits): string {
  return tagOf(limits);
}

export function policyTag(policy: UnresolvedPolicy): string {
  return tagOf(policy);
}

export function limitsOf(state: LedgerState, target: LimitsTarget): Limits {
  return target.type === 'organization' ? state.organizationLimits : keyLimits(state, target.id);
}
