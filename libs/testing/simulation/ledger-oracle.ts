import { type BudgetId, type CallId, type EpochMs, type EventEnvelope, epochMs } from '#kernel';
import type { LedgerEvent, LedgerEventOf, UnresolvedPolicy } from '#ledger';
import {
  type BudgetRow,
  BudgetSums,
  ceilingOf,
  costOfUsage,
  isCountedBy,
  isPlausibleLength,
  tokensOf,
  usedIn,
} from './oracle-arithmetic';
import type { Authorized, CallRow, Phase } from './oracle-rows';

export type { CallRow, Phase } from './oracle-rows';

interface Bucket {
  level: number;
  at: EpochMs;
}

const KEY_DEFAULTS = { requestsPerMinute: 100, burst: 200, concurrency: 10 };

const ANSWERED_KEYS_MS = 60_000;
const RESOLVED_KEYS_MS = 24 * 3_600_000;

/** What the world knows beyond the record. */
export interface OutsideFacts {
  isOwnerAlive(owner: string): boolean;
  wasDispatched(callId: CallId): boolean;
  /** Whether it is nobody's fault that this call of a living owner runs into its deadline. */
  mayRunOut(callId: CallId): boolean;
}

/**
 * Knows the rules by itself: it reads every event as it is recorded and checks it against sums of its own, with nothing
 * of the ledger but its stored forms. What it finds wrong it keeps, since a throw could be taken for the store's.
 */
export class LedgerOracle {
  readonly violations: string[] = [];
  /** How often something rare was seen, so that a simulation without it is noticed. */
  readonly happened: Record<string, number> = {};
  readonly calls = new Map<CallId, CallRow>();
  readonly sums = new BudgetSums();
  readonly budgets = new Map<BudgetId, BudgetRow>();
  private readonly teams = new Map<string, string>();
  private readonly bars = new Set<string>();
  private readonly limits = new Map<string, LedgerEventOf<'LimitsSet'>['data']['limits']>();
  private readonly buckets = new Map<string, Bucket>();
  /** Until when each Idempotency-Key of an ended call must not start another. */
  private readonly boundKeys = new Map<string, number>();
  private policy: UnresolvedPolicy = { resolveAt: 'counted', afterSeconds: 86_400 };
  private readonly ids = new Set<string>();
  private at = 0 as EpochMs;

  constructor(private readonly outside: OutsideFacts) {}

  get openCalls(): readonly CallRow[] {
    return [...this.calls.values()].filter(({ phase }) => phase === 'open');
  }

  /** Takes in one event that has just become durable. */
  observe({ id, event, metadata }: EventEnvelope<LedgerEvent>): void {
    this.expect(!this.ids.has(id), `${id} is recorded twice`);
    this.ids.add(id);
    this.expect(metadata.at >= this.at, `${event.type} lies before the event that it follows`);
    this.at = metadata.at;
    this.apply(event);
  }

  expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.violated(otherwise);
  }

  private violated(what: string): void {
    this.violations.push(what);
  }

  private apply(event: LedgerEvent): void {
    switch (event.type) {
      case 'InferenceAuthorized':
        this.authorized(event.data);
        return;
      case 'InferenceCompleted':
        this.completed(event.data);
        return;
      case 'InferenceFailed':
        if (event.data.billed === 'never') this.ended(event.data.callId, 'failed', true);
        else this.unresolved(event.data);
        return;
      case 'InferenceReleased':
        this.released(event.data);
        return;
      case 'InferenceUnresolved':
        this.expired(event.data);
        return;
      case 'InferenceResolved':
        this.resolved(event.data);
        return;
      case 'InferenceCorrected':
        this.corrected(event.data);
        return;
      default:
        this.applyControl(event);
        return;
    }
  }

  private applyControl(event: LedgerEvent): void {
    switch (event.type) {
      case 'BudgetDefined':
        this.budgets.set(event.data.budgetId, { ...event.data, ended: false });
        return;
      case 'BudgetChanged':
        Object.assign(this.budgets.get(event.data.budgetId) ?? {}, event.data);
        return;
      case 'BudgetEnded':
        Object.assign(this.budgets.get(event.data.budgetId) ?? {}, { ended: true });
        return;
      case 'BudgetPeriodOpened':
        this.periodOpened(event.data);
        return;
      case 'LimitsSet': {
        const target = event.data.target.type === 'organization' ? 'organization' : event.data.target.id;
        this.limits.set(target, event.data.limits);
        // Under changed limits the bucket's level is the ledger's own affair: from here on it counts as full.
        this.buckets.delete(target);
        return;
      }
      case 'UnresolvedPolicySet':
        this.policy = event.data.policy;
        return;
      case 'LedgerTimeCorrected':
        this.timeCorrected(event.data);
        return;
      case 'SubjectBarred':
        this.bars.add('id' in event.data.subject ? event.data.subject.id : 'organization');
        return;
      case 'SubjectUnbarred':
        this.bars.delete('id' in event.data.subject ? event.data.subject.id : 'organization');
        return;
      case 'ProjectAssigned':
        if (event.data.teamId === undefined) this.teams.delete(event.data.projectId);
        else this.teams.set(event.data.projectId, event.data.teamId);
        return;
      default:
        return; // Refusals, announcements and carries move nothing.
    }
  }

  /** What was to come some time after the wrong present comes as long after the right one. */
  private timeCorrected({ from, to }: LedgerEventOf<'LedgerTimeCorrected'>['data']): void {
    this.expect(from === this.at && from - to > 300_000, `time was corrected from ${from}, which is ${this.at}`);
    this.at = to;
    this.happened['time-corrected'] = (this.happened['time-corrected'] ?? 0) + 1;
    for (const bucket of this.buckets.values()) bucket.at = epochMs(bucket.at - (from - to));
    for (const [key, until] of this.boundKeys) this.boundKeys.set(key, until - (from - to));
    for (const row of this.calls.values()) if (row.since !== undefined) row.since -= from - to;
  }

  private periodOpened({ budgetId, from, to }: LedgerEventOf<'BudgetPeriodOpened'>['data']): void {
    const budget = this.budgets.get(budgetId);
    if (budget === undefined) {
      this.violated(`a period of the unknown budget ${budgetId} was opened`);
      return;
    }
    const before = budget.current;
    this.expect(before === undefined || (before.to !== undefined && before.to <= from), `${budgetId} has two periods`);
    this.expect(from <= this.at && (to === undefined || this.at < to), `${budgetId} opened a period of another time`);
    this.expect((to === undefined) === (budget.period === 'total'), `${budgetId} has a wrong end`);
    this.expect(to === undefined || isPlausibleLength(budget.period, to - from), `${budgetId} lasts wrongly long`);
    budget.current = to === undefined ? { from } : { from, to };
  }

  private authorized(call: Authorized): void {
    const { callId, keyId, projectId } = call;
    this.expect(!this.calls.has(callId), `${callId} was authorized twice`);
    for (const subject of ['organization', keyId, projectId])
      this.expect(!this.bars.has(subject), `${callId} was authorized though ${subject} is barred`);
    this.expect(call.teamId === this.teams.get(projectId), `${callId} belongs to another team`);
    this.expect(call.deadline > this.at && call.dispatchBy >= this.at, `${callId} was born dead`);
    this.checkConcurrency(call);
    this.checkCosts(call);
    this.takeRequest(keyId, callId);
    this.takeRequest('organization', callId);
    this.checkIdempotency(call);
    this.checkTouches(call);
    this.expect(call.holdCost === ceilingOf(call, 'cost'), `${callId} holds another amount than its ceiling`);
    this.calls.set(callId, { call, at: this.at, phase: 'open', charged: call.holdCost });
    for (const touch of call.touches) this.sums.add(touch, 'held', touch.amount);
  }

  private checkTouches(call: Authorized): void {
    const applicable = [...this.budgets.values()].filter(
      (budget) => !budget.ended && isCountedBy(budget, call, this.teams.get(call.projectId)),
    );
    const touched = call.touches.map(({ budgetId }) => budgetId).sort();
    const expected = applicable.map(({ budgetId }) => budgetId).sort();
    this.expect(
      touched.join() === expected.join(),
      `${call.callId} touches ${touched.join()} instead of ${expected.join()}`,
    );
    for (const touch of call.touches) {
      const budget = this.budgets.get(touch.budgetId);
      if (budget === undefined) continue;
      const { current, unit, mode, limit } = budget;
      this.expect(touch.from === current?.from && touch.unit === unit, `${call.callId} counts in another period`);
      this.expect(current?.to === undefined || this.at < current.to, `${call.callId} counts in a past period`);
      this.expect(touch.amount === ceilingOf(call, unit), `${call.callId} holds a wrong amount in ${touch.budgetId}`);
      const total = this.sums.total(touch) + touch.amount;
      this.expect(mode !== 'block' || total <= limit, `${call.callId} takes ${touch.budgetId} to ${total} of ${limit}`);
    }
  }

  private checkConcurrency({ callId, keyId }: Authorized): void {
    const open = this.openCalls;
    const ofKey = open.filter(({ call }) => call.keyId === keyId).length;
    const keyMax = (this.limits.get(keyId) ?? KEY_DEFAULTS).concurrency;
    const orgMax = this.limits.get('organization')?.concurrency;
    this.expect(keyMax === undefined || ofKey < keyMax, `${callId} is one call too many of its key`);
    this.expect(orgMax === undefined || open.length < orgMax, `${callId} is one call too many`);
  }

  private checkCosts({ callId, keyId, holdCost }: Authorized): void {
    const lost = [...this.calls.values()].filter(({ call, phase }) => call.keyId === keyId && phase === 'unresolved');
    const unresolved = lost.reduce((sum, { call }) => sum + call.holdCost, 0n);
    for (const target of [keyId, 'organization']) {
      const { callCostMax, unresolvedCostMax } = this.limits.get(target) ?? {};
      this.expect(callCostMax === undefined || holdCost <= callCostMax, `${callId} holds more than ${target} allows`);
      const isTooMuch = unresolvedCostMax !== undefined && unresolved > 0n && unresolved >= unresolvedCostMax;
      this.expect(!isTooMuch, `${callId} was authorized while ${unresolved} of its key is unresolved`);
    }
  }

  /** The request bucket in plain fractions. */
  private takeRequest(target: string, callId: CallId): void {
    const bucket = this.refill(target);
    if (bucket === undefined) return;
    this.expect(bucket.level > 1 - 1e-6, `${callId} was authorized by an empty bucket of ${target}`);
    bucket.level -= 1;
  }

  private refill(target: string): Bucket | undefined {
    const limits = this.limits.get(target) ?? (target === 'organization' ? {} : KEY_DEFAULTS);
    if (limits.requestsPerMinute === undefined) return undefined;
    const capacity = limits.burst ?? 2 * limits.requestsPerMinute;
    const bucket = this.buckets.get(target) ?? { level: capacity, at: this.at };
    bucket.level = Math.min(capacity, bucket.level + ((this.at - bucket.at) * limits.requestsPerMinute) / 60_000);
    bucket.at = this.at;
    this.buckets.set(target, bucket);
    return bucket;
  }

  private checkIdempotency({ callId, idempotency }: Authorized): void {
    if (idempotency === undefined) return;
    const { key } = idempotency;
    for (const { call, phase } of this.calls.values())
      if (call.idempotency?.key === key && (phase === 'open' || phase === 'unresolved'))
        this.violated(`${callId} runs beside ${call.callId} under one Idempotency-Key`);
    this.expect(this.at >= (this.boundKeys.get(key) ?? 0), `${callId} repeats what was answered or resolved`);
  }

  private row(callId: CallId, ...phases: readonly Phase[]): CallRow | undefined {
    const row = this.calls.get(callId);
    if (row !== undefined && phases.includes(row.phase)) return row;
    this.violated(`${callId} is ${row?.phase ?? 'unknown'}, not ${phases.join(' or ')}`);
    return undefined;
  }

  private completed(data: LedgerEventOf<'InferenceCompleted'>['data']): void {
    const row = this.row(data.callId, 'open', 'unresolved', 'resolved');
    if (row === undefined) return;
    const { phase, call } = row;
    const actual = costOfUsage(data.usage, call.prices);
    const charged = actual < call.holdCost ? actual : call.holdCost;
    this.expect(data.actual === actual && data.excess === actual - charged, `${data.callId} cost something else`);
    this.expect(data.charged === (phase === 'resolved' ? 0n : charged), `${data.callId} was charged something else`);
    this.expect(data.late === (phase !== 'open'), `${data.callId} is wrongly late or in time`);
    row.phase = phase === 'resolved' ? 'resolved-and-settled' : 'completed';
    if (phase === 'resolved') return;
    row.charged = charged;
    const { input, cachedInput, cacheWrite, output } = data.usage;
    this.sums.settle(
      call.touches,
      phase === 'open' ? 'held' : 'unresolved',
      charged,
      input + cachedInput + cacheWrite + output,
    );
    if (call.idempotency !== undefined) this.boundKeys.set(call.idempotency.key, this.at + ANSWERED_KEYS_MS);
  }

  private ended(callId: CallId, phase: 'failed' | 'released', isRequest: boolean): void {
    const row = this.row(callId, 'open');
    if (row === undefined) return;
    row.phase = phase;
    row.charged = 0n;
    for (const touch of row.call.touches) {
      this.sums.add(touch, 'held', -touch.amount);
      if (isRequest && touch.unit === 'requests') this.sums.add(touch, 'settled', 1n);
    }
  }

  private released(data: LedgerEventOf<'InferenceReleased'>['data']): void {
    this.expect(
      data.dispatched || !this.outside.wasDispatched(data.callId),
      `${data.callId} was released after dispatch`,
    );
    this.ended(data.callId, 'released', data.dispatched);
    if (data.dispatched) return;
    for (const target of [data.keyId, 'organization']) {
      const bucket = this.refill(target);
      if (bucket !== undefined) bucket.level += 1;
    }
  }

  private unresolved({
    callId,
    counted,
  }: Pick<LedgerEventOf<'InferenceUnresolved'>['data'], 'callId' | 'counted'>): void {
    const row = this.row(callId, 'open');
    if (row === undefined) return;
    row.phase = 'unresolved';
    row.since = this.at;
    if (counted !== undefined) {
      const cost = costOfUsage(counted.usage, row.call.prices);
      this.expect(counted.cost === cost, `${callId} was counted at another cost`);
      row.counted = { cost, tokens: tokensOf(counted.usage) };
    }
    for (const touch of row.call.touches) {
      this.sums.add(touch, 'held', -touch.amount);
      this.sums.add(touch, 'unresolved', touch.amount);
    }
  }

  private expired(data: LedgerEventOf<'InferenceUnresolved'>['data']): void {
    const { callId, reason } = data;
    const call = this.calls.get(callId)?.call;
    if (call !== undefined && reason === 'deadline')
      this.expect(
        this.at >= call.deadline && (!this.outside.isOwnerAlive(call.owner) || this.outside.mayRunOut(callId)),
        `${callId} was expired too early, or its ending was lost`,
      );
    if (call !== undefined && reason === 'owner-dead')
      this.expect(!this.outside.isOwnerAlive(call.owner), `${callId} was taken from a living owner`);
    this.unresolved(data);
  }

  /** Not before it is time, and at what the organization chose. */
  private checkPolicy(row: CallRow, cost: bigint): void {
    const { resolveAt, afterSeconds } = this.policy;
    const { callId, holdCost } = row.call;
    const isTime = resolveAt !== 'never' && this.at >= (row.since ?? Number.POSITIVE_INFINITY) + afterSeconds * 1_000;
    this.expect(isTime, `${callId} was resolved by policy too early`);
    const expected = resolveAt === 'counted' ? (row.counted?.cost ?? holdCost) : holdCost;
    this.happened['by-policy'] = (this.happened['by-policy'] ?? 0) + 1;
    this.expect(cost === expected, `${callId} was resolved by policy at ${cost} instead of ${expected}`);
  }

  /** What budgets count changes by the difference, in the period of the call, whatever else was corrected before. */
  private corrected(data: LedgerEventOf<'InferenceCorrected'>['data']): void {
    const { callId, cost, charged, excess, tokens, before, adjustments } = data;
    const row = this.row(callId, 'resolved', 'resolved-and-settled');
    if (row === undefined) return;
    const { touches, holdCost } = row.call;
    const bounded = cost < holdCost ? cost : holdCost;
    this.expect(charged === bounded && excess === cost - bounded, `${callId} was corrected to another amount`);
    this.expect(
      before.cost === row.resolution?.cost && before.tokens === row.resolution.tokens && before.charged === row.charged,
      `${callId} was corrected from something else than it was`,
    );
    const left = new Map(adjustments.map((one) => [`${one.budgetId}@${one.from}`, one.amount]));
    for (const touch of touches) {
      const amount = usedIn(touch, charged, tokens) - usedIn(touch, before.charged, before.tokens);
      const key = `${touch.budgetId}@${touch.from}`;
      this.expect((left.get(key) ?? 0n) === amount, `${callId} adjusts ${key} by another amount`);
      left.delete(key);
      this.sums.add(touch, 'settled', amount);
      this.expect(this.sums.of(touch).settled >= 0n, `${key} counts less than nothing`);
    }
    this.expect(left.size === 0, `${callId} adjusts what it never touched`);
    row.charged = charged;
    row.resolution = { cost, tokens };
    this.happened.corrected = (this.happened.corrected ?? 0) + 1;
  }

  private resolved(data: LedgerEventOf<'InferenceResolved'>['data']): void {
    const { callId, cost, charged, tokens, source } = data;
    const row = this.row(callId, 'unresolved');
    if (row === undefined) return;
    if (source === 'policy') this.checkPolicy(row, cost);
    row.resolution = { cost, tokens };
    row.phase = 'resolved';
    row.charged = cost < row.call.holdCost ? cost : row.call.holdCost;
    this.expect(charged === row.charged, `${callId} was resolved at another amount`);
    this.sums.settle(row.call.touches, 'unresolved', charged, Number(tokens));
    if (row.call.idempotency !== undefined) this.boundKeys.set(row.call.idempotency.key, this.at + RESOLVED_KEYS_MS);
  }
}
