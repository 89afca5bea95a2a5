import { amount, type Json, number, object, type RecordedEvent, text } from './recorded-ledger';
import type { Violations } from './violations';

/**
 * The rules of money, written a second time and as plainly as possible: it folds the raw events in their order and
 * complains where one of them breaks a promise. It shares no code with the ledger that it watches.
 */

interface AuditedBudget {
  readonly id: string;
  readonly scope: Json;
  readonly unit: string;
  limit: bigint;
  isBlocking: boolean;
  isEnded: boolean;
  settled: bigint;
  held: bigint;
  unresolved: bigint;
}

export type AuditedSums = Readonly<Pick<AuditedBudget, 'limit' | 'settled' | 'held' | 'unresolved'>>;

export interface AuditedCall {
  readonly callId: string;
  readonly orgId: string;
  readonly marker: string | undefined;
  readonly authorizedMs: number;
  readonly touched: readonly { readonly budget: AuditedBudget; readonly amount: bigint }[];
  readonly holdCost: bigint;
  readonly prices: Json;
  /** `resolved`: charged by an operator; a settlement after that is recorded and moves nothing. */
  state: 'held' | 'unresolved' | 'settled' | 'resolved' | 'uncharged';
  charged: bigint;
}

const MILLION = 1_000_000n;

function ceilMillionth(value: bigint): bigint {
  return (value + MILLION - 1n) / MILLION;
}

/** What tokens cost in nano-USD, by the formula of the ledger's rules: one division, rounded up. */
export function costOfTokens(usage: Json, prices: Json): bigint {
  const buckets = ['input', 'cachedInput', 'cacheWrite', 'output'];
  return ceilMillionth(
    buckets.reduce((sum, bucket) => sum + BigInt(number(usage, bucket)) * amount(prices, bucket), 0n),
  );
}

function holdOf(bounds: Json, prices: Json): bigint {
  const dearest = ['input', 'cachedInput', 'cacheWrite']
    .map((bucket) => amount(prices, bucket))
    .reduce((most, price) => (price > most ? price : most), 0n);
  const output = BigInt(number(bounds, 'outputTokensCap')) * BigInt(number(bounds, 'outputsMax'));
  return ceilMillionth(BigInt(number(bounds, 'inputTokensMax')) * dearest + output * amount(prices, 'output'));
}

export class LedgerAudit {
  readonly calls = new Map<string, AuditedCall>();
  readonly #budgets = new Map<string, AuditedBudget>();
  readonly #revisions = new Map<string, bigint>();
  readonly #open = new Set<AuditedCall>();

  constructor(private readonly violations: Violations) {}

  budget(id: string): AuditedSums | undefined {
    return this.#budgets.get(id);
  }

  unresolvedCalls(): AuditedCall[] {
    return [...this.calls.values()].filter(({ state }) => state === 'unresolved');
  }

  /** Calls whose holds have not ended. */
  get openCalls(): readonly AuditedCall[] {
    return [...this.#open];
  }

  /** Once a process has become ready and before it has admitted a call, no hold may be left of those before it. */
  checkNoHolds(): void {
    for (const { callId } of this.#open) this.violations.add(`the hold of ${callId} has not ended after the restart`);
  }

  take(event: RecordedEvent): void {
    const expected = (this.#revisions.get(event.stream) ?? -1n) + 1n;
    if (event.revision !== expected)
      this.violations.add(`${event.stream} goes on at revision ${event.revision} instead of ${expected}`);
    this.#revisions.set(event.stream, event.revision);
    try {
      this.#apply(event);
    } catch (error) {
      this.violations.add(`${event.stream}@${event.revision} (${event.type}): ${String(error)}`);
    }
  }

  #apply({ stream, type, data, atMs }: RecordedEvent): void {
    switch (type) {
      case 'BudgetDefined':
        this.#define(stream, data);
        break;
      case 'BudgetChanged':
        this.#change(data);
        break;
      case 'BudgetEnded':
        this.#budgetOf(data).isEnded = true;
        break;
      case 'InferenceAuthorized':
        this.#authorize(stream, data, atMs);
        break;
      case 'InferenceCompleted':
        this.#complete(data);
        break;
      case 'InferenceFailed':
        if (text(data, 'billed') === 'unknown') this.#toUnresolved(data);
        else this.#uncharge(data, true);
        break;
      case 'InferenceReleased':
        this.#uncharge(data, data.dispatched === true);
        break;
      case 'InferenceUnresolved':
        this.#toUnresolved(data);
        break;
      case 'InferenceResolved':
        this.#resolve(data);
        break;
      default:
        break; // Refusals, limits, bars, periods and carries move no money.
    }
  }

  #budgetOf(data: Json): AuditedBudget {
    const budget = this.#budgets.get(text(data, 'budgetId'));
    if (budget === undefined) throw new Error(`there is no budget ${text(data, 'budgetId')}`);
    return budget;
  }

  #define(stream: string, data: Json): void {
    const id = text(data, 'budgetId');
    if (text(data, 'period') !== 'total') throw new Error('the audit knows budgets of the whole time only');
    this.#budgets.set(id, {
      id,
      scope: { ...object(data, 'scope'), stream },
      unit: text(data, 'unit'),
      limit: amount(data, 'limit'),
      isBlocking: text(data, 'mode') === 'block',
      isEnded: false,
      settled: 0n,
      held: 0n,
      unresolved: 0n,
    });
  }

  #change(data: Json): void {
    const budget = this.#budgetOf(data);
    budget.limit = amount(data, 'limit');
    budget.isBlocking = text(data, 'mode') === 'block';
  }

  #applies({ scope, isEnded }: AuditedBudget, stream: string, call: Json): boolean {
    if (isEnded || scope.stream !== stream) return false;
    const wanted: Readonly<Record<string, unknown>> = {
      organization: scope.id,
      project: call.projectId,
      'api-key': call.keyId,
      model: call.model,
      team: call.teamId,
    };
    return wanted[text(scope, 'type')] === scope.id;
  }

  #authorize(stream: string, data: Json, atMs: number): void {
    const callId = text(data, 'callId');
    if (this.calls.has(callId)) this.violations.add(`${callId} was authorized twice`);
    const holdCost = holdOf(object(data, 'bounds'), object(data, 'prices'));
    if (holdCost !== amount(data, 'holdCost'))
      this.violations.add(`${callId} holds ${text(data, 'holdCost')} where its bounds cost ${holdCost}`);
    const touched = [...this.#budgets.values()]
      .filter((budget) => this.#applies(budget, stream, data))
      .map((budget) => ({ budget, amount: this.#amountIn(budget, holdCost, data) }));
    for (const one of touched) this.#hold(callId, one.budget, one.amount);
    const named = (data.touches as readonly Json[]).map(
      (touch) => `${text(touch, 'budgetId')} ${text(touch, 'amount')}`,
    );
    const wanted = touched.map((one) => `${one.budget.id} ${one.amount}`);
    if (named.sort().join() !== wanted.sort().join())
      this.violations.add(`${callId} touches ${named.join(', ')} instead of ${wanted.join(', ')}`);
    const call: AuditedCall = {
      callId,
      orgId: stream.slice('ledger-'.length),
      marker: typeof data.clientRequestId === 'string' ? data.clientRequestId : undefined,
      authorizedMs: atMs,
      touched,
      holdCost,
      prices: object(data, 'prices'),
      state: 'held',
      charged: 0n,
    };
    this.calls.set(callId, call);
    this.#open.add(call);
  }

  #amountIn({ unit }: AuditedBudget, holdCost: bigint, data: Json): bigint {
    if (unit === 'cost') return holdCost;
    return unit === 'tokens' ? amount(data, 'holdTokens') : 1n;
  }

  #hold(callId: string, budget: AuditedBudget, more: bigint): void {
    const used = budget.settled + budget.held + budget.unresolved + more;
    if (budget.isBlocking && used > budget.limit)
      this.violations.add(`${callId} takes the budget ${budget.id} to ${used}, beyond its limit ${budget.limit}`);
    budget.held += more;
  }

  #callIn(data: Json, ...states: AuditedCall['state'][]): AuditedCall {
    const call = this.calls.get(text(data, 'callId'));
    if (call === undefined) throw new Error(`${text(data, 'callId')} ends without an authorization`);
    if (!states.includes(call.state)) throw new Error(`${call.callId} is ${call.state} and ends once more`);
    return call;
  }

  #complete(data: Json): void {
    const call = this.#callIn(data, 'held', 'unresolved', 'resolved');
    if (call.state === 'resolved') {
      if (amount(data, 'charged') !== 0n) this.violations.add(`${call.callId} is charged after it was resolved`);
      return;
    }
    const usage = object(data, 'usage');
    const actual = costOfTokens(usage, call.prices);
    const charged = actual < call.holdCost ? actual : call.holdCost;
    if (amount(data, 'actual') !== actual || amount(data, 'charged') !== charged)
      this.violations.add(`${call.callId} is charged ${text(data, 'charged')} where its usage costs ${charged}`);
    const tokens = ['input', 'cachedInput', 'cacheWrite', 'output'].reduce((sum, one) => sum + number(usage, one), 0);
    this.#settle(call, charged, BigInt(tokens));
  }

  #resolve(data: Json): void {
    const call = this.#callIn(data, 'unresolved');
    this.#settle(call, amount(data, 'charged'), amount(data, 'tokens'));
    call.state = 'resolved';
  }

  #settle(call: AuditedCall, charged: bigint, tokens: bigint): void {
    const from = call.state === 'held' ? 'held' : 'unresolved';
    for (const { budget, amount: held } of call.touched) {
      budget[from] -= held;
      const tokensCounted = tokens < held ? tokens : held;
      budget.settled += budget.unit === 'cost' ? charged : budget.unit === 'tokens' ? tokensCounted : 1n;
    }
    call.state = 'settled';
    call.charged = charged;
    this.#open.delete(call);
  }

  #uncharge(data: Json, isDispatched: boolean): void {
    const call = this.#callIn(data, 'held');
    for (const { budget, amount: held } of call.touched) {
      budget.held -= held;
      if (isDispatched && budget.unit === 'requests') budget.settled += held;
    }
    call.state = 'uncharged';
    this.#open.delete(call);
  }

  #toUnresolved(data: Json): void {
    const call = this.#callIn(data, 'held');
    for (const { budget, amount: held } of call.touched) {
      budget.held -= held;
      budget.unresolved += held;
    }
    call.state = 'unresolved';
    this.#open.delete(call);
  }
}
