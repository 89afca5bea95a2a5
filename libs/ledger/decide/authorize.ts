import {
  type BudgetId,
  type CallId,
  ceilingCost,
  ceilingTokens,
  type EpochMs,
  epochMs,
  type NanoUsd,
  type Prices,
} from '#kernel';
import type { AuthorizeCall } from '../commands';
import type { InferenceAuthorized, LedgerEvent, Touch } from '../events';
import { entryAt } from '../expiring-map';
import { bucketDemand, bucketRemaining, bucketsOf, bucketWaitMs, keyLimits } from '../limits';
import { periodForCall } from '../periods';
import type { BudgetRefusalDetails, CallRefusal } from '../refusals';
import { type Budget, barKey, type LedgerState, type PeriodCounter, scopeKey } from '../state';
import { callCostRefusal, costLimit, unresolvedRefusal } from './cost-limits';
import { wholeNumber } from './whole-numbers';

/** One budget as a call meets it. */
interface Applicable {
  readonly budget: Budget;
  readonly counter: PeriodCounter;
  readonly isNew: boolean;
}

export interface Admission {
  readonly outputTokensCap: number;
  readonly capClamped: boolean;
  readonly holdCost: bigint;
  /** In force at the decision. */
  readonly prices: Prices;
  readonly events: readonly LedgerEvent[];
  /** Budgets of mode `warn` that the call goes beyond. */
  readonly warnings: readonly BudgetId[];
}

export type Authorization =
  | { readonly ok: true; readonly admission: Admission }
  | { readonly ok: false; readonly refusal: CallRefusal };

function refusal(value: CallRefusal): { ok: false; refusal: CallRefusal } {
  return { ok: false, refusal: value };
}

/** Scopes in the order in which their budgets are asked: the narrowest limit speaks first. */
function applicableBudgets(state: LedgerState, command: AuthorizeCall, at: EpochMs): Applicable[] {
  const team = state.projectTeams.get(command.projectId);
  const keys = [
    scopeKey({ type: 'api-key', id: command.keyId }),
    scopeKey({ type: 'project', id: command.projectId }),
    ...(team === undefined ? [] : [scopeKey({ type: 'team', id: team })]),
    scopeKey({ type: 'model', id: command.model }),
    scopeKey({ type: 'organization' }),
  ];
  const found: Applicable[] = [];
  for (const key of keys) {
    for (const budgetId of state.budgetsByScope.get(key) ?? []) {
      const budget = state.budgets.get(budgetId);
      if (budget !== undefined) found.push({ budget, ...periodForCall(state, budget, at) });
    }
  }
  return found;
}

function barRefusal(state: LedgerState, command: AuthorizeCall): CallRefusal | undefined {
  if (state.bars.has(barKey({ type: 'organization' })))
    return {
      code: 'organization_suspended',
      message: 'The organization is suspended; ask its administrator.',
    };
  if (state.bars.has(barKey({ type: 'project', id: command.projectId })))
    return {
      code: 'project_suspended',
      message: 'The project is suspended or archived; ask its administrator.',
    };
  if (command.keyOwner !== undefined && state.bars.has(barKey(command.keyOwner)))
    return { code: 'key_owner_disabled', message: 'The owner of this API key is disabled; ask its administrator.' };
  if (state.bars.has(barKey({ type: 'api-key', id: command.keyId })))
    return { code: 'api_key_revoked', message: 'This API key was revoked; use another one.' };
  return undefined;
}

function idempotencyRefusal(state: LedgerState, command: AuthorizeCall, at: EpochMs): CallRefusal | undefined {
  const { idempotency } = command;
  if (idempotency === undefined) return undefined;
  const open = state.openKeys.get(idempotency.key);
  const openHold = open === undefined ? undefined : (state.holds.get(open) ?? state.unresolved.get(open));
  const { key } = idempotency;
  const record = entryAt(state.recentKeys, key, at) ?? entryAt(state.resolvedKeys, key, at) ?? idempotency.known;
  const known: { callId: CallId; body: string; outcome: string } | undefined =
    openHold === undefined
      ? record
      : {
          callId: openHold.call.callId,
          body: openHold.call.idempotency?.body ?? '',
          outcome: state.holds.has(openHold.call.callId) ? 'running' : 'unknown',
        };
  if (known === undefined) return undefined;
  const details = { callId: known.callId };
  if (known.body !== idempotency.body)
    return {
      code: 'idempotency_key_reused',
      message: 'This Idempotency-Key was used with another request body; use a new key.',
      details,
    };
  switch (known.outcome) {
    case 'answered':
      return { code: 'idempotency_answered', message: 'This call was answered already.', details };
    case 'running':
      return {
        code: 'idempotency_in_progress',
        message: 'The first call with this Idempotency-Key is still running.',
        details,
      };
    default:
      return {
        code: 'idempotency_outcome_unknown',
        message: `The first call with this Idempotency-Key (${known.callId}) may have been charged, but its answer is lost; look the call up before you send it again under a new key.`,
        details,
      };
  }
}

function rateRefusal(
  state: LedgerState,
  command: AuthorizeCall,
  rateTokens: number,
  at: EpochMs,
): CallRefusal | undefined {
  for (const bucket of bucketsOf(state, command.keyId)) {
    const requested = bucket.unit === 'requests' ? 1 : rateTokens;
    const level = state.buckets.get(bucket.key);
    // A bucket of no capacity admits nothing, however long one waits.
    const waitMs = bucket.shape.capacity === 0 ? 60_000 : bucketWaitMs(bucket.shape, level, requested, at);
    if (waitMs > 0)
      return {
        code: 'rate_limit_exceeded',
        message: `The ${bucket.unit} rate limit of this ${bucket.scope === 'api-key' ? 'API key' : 'organization'} is reached.`,
        details: {
          scope: bucket.scope,
          unit: bucket.unit,
          limit: bucket.shape.perMinute,
          remaining: bucketRemaining(bucket.shape, level, at),
          requested: bucket.shape.capacity === 0 ? requested : bucketDemand(bucket.shape, requested),
          retryAfterMs: waitMs,
        },
      };
  }
  return undefined;
}

/** How long a client is told to wait for other calls to end: their end is not foreseeable. */
const OTHER_CALLS_RETRY_MS = 1_000;

function concurrencyRefusal(state: LedgerState, command: AuthorizeCall): CallRefusal | undefined {
  const checks = [
    {
      scope: 'api-key',
      limit: keyLimits(state, command.keyId).concurrency,
      open: state.openByKey.get(command.keyId) ?? 0,
    },
    { scope: 'organization', limit: state.organizationLimits.concurrency, open: state.holds.size },
  ] as const;
  for (const { scope, limit, open } of checks) {
    if (limit !== undefined && open >= limit)
      return {
        code: 'concurrency_limit_exceeded',
        message: `${open} calls of this ${scope === 'api-key' ? 'API key' : 'organization'} are running; at most ${limit} may.`,
        details: { scope, unit: 'concurrency', limit, remaining: 0, requested: 1, retryAfterMs: OTHER_CALLS_RETRY_MS },
      };
  }
  return undefined;
}

/** The largest cap for which the hold fits into `available` of this budget; -1 when not even an empty answer fits. */
function capWithin(command: AuthorizeCall, unit: Touch['unit'], available: bigint): number {
  const { bounds, prices } = command;
  if (amountOf(command, unit, 0) > available) return -1;
  const perToken = unit === 'cost' ? BigInt(bounds.outputsMax) * prices.output : BigInt(bounds.outputsMax);
  if (unit === 'requests' || perToken === 0n) return Number.MAX_SAFE_INTEGER;
  const inputs =
    unit === 'cost'
      ? BigInt(bounds.inputTokensMax) *
        [prices.cachedInput, prices.cacheWrite].reduce((a, b) => (a > b ? a : b), prices.input)
      : BigInt(bounds.inputTokensMax);
  const room = unit === 'cost' ? available * 1_000_000n - inputs : available - inputs;
  return Number(room / perToken > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : room / perToken);
}

function amountOf(command: AuthorizeCall, unit: Touch['unit'], cap: number): bigint {
  switch (unit) {
    case 'cost':
      return ceilingCost(command.bounds, cap, command.prices);
    case 'tokens':
      return ceilingTokens(command.bounds, cap);
    case 'requests':
      return 1n;
  }
}

function available({ budget, counter }: Applicable): bigint {
  return budget.definition.limit - counter.settled - counter.held - counter.unresolved;
}

function budgetRefusal(
  command: AuthorizeCall,
  { budget, counter }: Applicable,
  requestedCap: number,
  capThatFits: number,
): CallRefusal {
  const { definition } = budget;
  const requested = amountOf(command, definition.unit, requestedCap);
  const details: BudgetRefusalDetails = {
    limitId: definition.budgetId,
    scope: definition.scope.type,
    unit: definition.unit,
    limit: definition.limit,
    settled: counter.settled,
    held: counter.held,
    unresolved: counter.unresolved,
    requested,
    ...(capThatFits >= 1 && command.bounds.outputsMax > 0 ? { capThatFits } : {}),
    ...(counter.to === undefined ? {} : { resetsAt: counter.to }),
  };
  const onlyHoldsInTheWay = definition.limit - counter.settled - counter.unresolved >= requested;
  return onlyHoldsInTheWay
    ? {
        code: 'budget_contended',
        message: `Other running calls hold what is left of the budget "${definition.name}".`,
        details,
      }
    : { code: 'budget_exhausted', message: `The budget "${definition.name}" has no room for this call.`, details };
}

/** The call as the ceiling of one call leaves it: a client's own cap stands or falls, a default one shrinks to it. */
function underCeiling(command: AuthorizeCall, state: LedgerState): AuthorizeCall | { readonly refusal: CallRefusal } {
  const ceiling = costLimit(state, command, 'callCostMax');
  if (ceiling === undefined) return command;
  const { bounds } = command;
  const wanted = bounds.outputTokensCap;
  const fits = capWithin(command, 'cost', ceiling.limit);
  if (fits >= wanted) return command;
  const least = bounds.outputCapSource === 'client' ? wanted : Math.min(wanted, command.outputTokensCapMin);
  if (fits >= least) return { ...command, bounds: { ...bounds, outputTokensCap: fits } };
  const capThatFits = fits >= 1 && bounds.outputsMax > 0 ? fits : undefined;
  return { refusal: callCostRefusal(ceiling, amountOf(command, 'cost', least), capThatFits) };
}

type CapDecision = { readonly cap: number; readonly clamped: boolean } | { readonly refusal: CallRefusal };

/** Chooses the output cap: a client's own stands or falls, a default one shrinks to what every budget affords. */
function decideCap(command: AuthorizeCall, applicable: readonly Applicable[]): CapDecision {
  const { bounds } = command;
  const blocking = applicable.filter(({ budget }) => budget.definition.mode === 'block');
  const fits = blocking.map((one) => ({ one, cap: capWithin(command, one.budget.definition.unit, available(one)) }));
  const affordable = fits.reduce((least, { cap }) => Math.min(least, cap), Number.MAX_SAFE_INTEGER);
  const wanted = bounds.outputTokensCap;
  if (affordable >= wanted) return { cap: wanted, clamped: false };
  const least = bounds.outputCapSource === 'client' ? wanted : Math.min(wanted, command.outputTokensCapMin);
  if (affordable >= least) return { cap: affordable, clamped: true };
  const refusals = fits
    .filter(({ cap }) => cap < least)
    .map(({ one }) => budgetRefusal(command, one, least, affordable));
  // An exhausted budget speaks before a contended one: waiting would not cure it.
  const first = refusals.find(({ code }) => code === 'budget_exhausted') ?? refusals[0];
  if (first === undefined) throw new Error('a cap that fits no budget must have met one');
  return { refusal: first };
}

function budgetEvents(command: AuthorizeCall, applicable: readonly Applicable[], cap: number) {
  const opened: LedgerEvent[] = [];
  const exceeded: LedgerEvent[] = [];
  const touches: Touch[] = [];
  const warnings: BudgetId[] = [];
  for (const { budget, counter, isNew } of applicable) {
    const { definition } = budget;
    const { budgetId, unit, mode, limit } = definition;
    const { from, to } = counter;
    if (isNew)
      opened.push({ type: 'BudgetPeriodOpened', data: { budgetId, from, ...(to === undefined ? {} : { to }) } });
    const amount = amountOf(command, unit, cap);
    touches.push({ budgetId, from, unit, amount });
    const used = counter.settled + counter.held + counter.unresolved + amount;
    if (mode === 'block' || used <= limit) continue;
    if (mode === 'warn') warnings.push(budgetId);
    if (!counter.exceeded) exceeded.push({ type: 'BudgetExceeded', data: { budgetId, from, mode, used, limit } });
  }
  return { opened, exceeded, touches, warnings };
}

/** The hot path: fields are set one by one, since spreading optional ones costs more than all the rest of a decision. */
function authorization(
  command: AuthorizeCall,
  state: LedgerState,
  at: EpochMs,
  cap: number,
  holdCost: NanoUsd,
  rateTokens: number,
  touches: Touch[],
): InferenceAuthorized['data'] {
  const { bounds, prices, idempotency, clientRequestId } = command;
  const data: InferenceAuthorized['data'] = {
    callId: command.callId,
    keyId: command.keyId,
    projectId: command.projectId,
    model: command.model,
    endpoint: command.endpoint,
    stream: command.stream,
    backendId: command.backendId,
    // Exactly the recorded fields: a price version from a catalogue carries more.
    prices: {
      version: prices.version,
      input: prices.input,
      cachedInput: prices.cachedInput,
      cacheWrite: prices.cacheWrite,
      output: prices.output,
    },
    bounds: {
      inputTokensMax: bounds.inputTokensMax,
      inputTokensEstimate: bounds.inputTokensEstimate,
      outputTokensCap: cap,
      outputCapSource: bounds.outputCapSource,
      outputsMax: bounds.outputsMax,
    },
    holdCost,
    holdTokens: ceilingTokens(bounds, cap),
    rateTokens,
    touches,
    owner: command.owner,
    dispatchBy: epochMs(at + command.dispatchWindowMs),
    deadline: epochMs(at + command.holdMs),
  };
  const teamId = state.projectTeams.get(command.projectId);
  if (teamId !== undefined) data.teamId = teamId;
  if (idempotency !== undefined) data.idempotency = { key: idempotency.key, body: idempotency.body };
  if (clientRequestId !== undefined) data.clientRequestId = clientRequestId;
  return data;
}

/** The call at the prices of this moment: those in force when it was asked for may have been replaced since. */
function pricedAt(command: AuthorizeCall, at: EpochMs): AuthorizeCall {
  const prices = command.laterPrices?.findLast(({ from }) => from <= at)?.prices;
  return prices === undefined ? command : { ...command, prices };
}

/**
 * Decides one call over bars, idempotency, every budget, rate and concurrency, at one ledger time. Pure; a preflight
 * asks the same function.
 */
export function authorize(asked: AuthorizeCall, state: LedgerState, at: EpochMs): Authorization {
  const barred = barRefusal(state, asked) ?? idempotencyRefusal(state, asked, at);
  if (barred !== undefined) return refusal(barred);
  const priced = pricedAt(asked, at);
  const command = underCeiling(priced, state);
  if ('refusal' in command) return refusal(command.refusal);
  const lossRefusal = unresolvedRefusal(state, command);
  if (lossRefusal !== undefined) return refusal(lossRefusal);
  const applicable = applicableBudgets(state, command, at);
  const decided = decideCap(command, applicable);
  const capRefusal = 'refusal' in decided ? decided.refusal : undefined;
  if (capRefusal?.code === 'budget_exhausted') return refusal(capRefusal);
  const cap = 'refusal' in decided ? command.bounds.outputTokensCap : decided.cap;
  const rateTokens = wholeNumber(command.bounds.inputTokensEstimate + cap * command.bounds.outputsMax);
  const curable = rateRefusal(state, command, rateTokens, at) ?? concurrencyRefusal(state, command) ?? capRefusal;
  if (curable !== undefined) return refusal(curable);
  const { opened, exceeded, touches, warnings } = budgetEvents(command, applicable, cap);
  const holdCost = ceilingCost(command.bounds, cap, command.prices);
  const data = authorization(command, state, at, cap, holdCost, rateTokens, touches);
  const authorized: LedgerEvent = { type: 'InferenceAuthorized', data };
  const capClamped = cap < asked.bounds.outputTokensCap;
  return {
    ok: true,
    admission: {
      outputTokensCap: cap,
      capClamped,
      holdCost,
      prices: data.prices,
      events: [...opened, authorized, ...exceeded],
      warnings,
    },
  };
}
