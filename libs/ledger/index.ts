export { CARRY_VERSION, carryText } from './carry';
export * from './commands';
export { decide, type LedgerDecision, ledgerTime } from './decide';
export { authorize } from './decide/authorize';
export { BUDGETS_MAX, BUDGETS_PER_SCOPE_MAX, DEFAULT_THRESHOLDS, THRESHOLDS_MAX } from './decide/budgets';
export { POLICY_SECONDS_MAX } from './decide/policy';
export { RESOLVED_AT_ONCE_MAX, resolvedBy, unresolvedCalls, unresolvedPolicy } from './decide/resolve';
export * from './events';
export { evolve, type LedgerFact } from './evolve';
export { DEFAULT_KEY_LIMITS, keyLimits } from './limits';
export { isTimeZone, periodAt } from './periods';
export * from './refusals';
export {
  barKey,
  DEFAULT_UNRESOLVED_POLICY,
  type Hold,
  initialLedgerState,
  type LedgerState,
  type ResolvedCall,
  type UnresolvedCall,
} from './state';
export * from './stream';
export * from './tags';
export * from './views';
export { LedgerService, type LedgerServiceOptions } from './writer/ledger-service';
export { foldAll, loadLedger } from './writer/load-ledger';
export * from './writer/peers';
export { CONTENTIONS, type Contention, type LedgerRuntime } from './writer/runtime';
export * from './writer/types';
