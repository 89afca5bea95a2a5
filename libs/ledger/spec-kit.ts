import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type BudgetId,
  type CallBounds,
  type CallId,
  type Decider,
  type EpochMs,
  type EventId,
  epochMs,
  type ModelId,
  type NanoUsd,
  nanoUsd,
  type Prices,
  type ProjectId,
  parseInstant,
  type ServiceAccountId,
  type TeamId,
  type TokenUsage,
  usd,
} from '#kernel';
import type {
  AuthorizeCall,
  ChangeBudget,
  CompleteCall,
  DefineBudget,
  LedgerCommand,
  ReleaseCall,
  ResolveCalls,
} from './commands';
import { decide } from './decide';
import type { BudgetScope, InferenceAuthorized, KeyOwner, LedgerEvent, UnresolvedPolicy } from './events';
import { evolve } from './evolve';
import type { LedgerRefusal } from './refusals';
import { initialLedgerState, type LedgerState, type PeriodCounter } from './state';

/** Words for the ledger's specs: short commands with sensible defaults, and scripts that lead to a state. */

export const key = (name: string) => `key_${name}` as ApiKeyId;
export const project = (name: string) => `prj_${name}` as ProjectId;
export const team = (name: string) => `team_${name}` as TeamId;
export const model = (name: string) => name as ModelId;
export const budget = (name: string) => `bgt_${name}` as BudgetId;
export const call = (name: string) => `req_${name}` as CallId;
export const boot = (name: string) => `boot_${name}` as BootId;
export const backend = 'bkd_1' as BackendId;

export function account(name: string): KeyOwner {
  return { type: 'service-account', id: `sa_${name}` as ServiceAccountId };
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;

export function instant(text: string): EpochMs {
  const at = parseInstant(text);
  if (at === undefined) throw new RangeError(`"${text}" is no time`);
  return at;
}

export const NOON = instant('2026-05-13T12:00:00Z');

/** One token of any kind costs one nano-USD, so that a ceiling is as easily read in money as in tokens. */
export const PRICES: Prices = {
  version: 1,
  input: nanoUsd(1_000_000n),
  cachedInput: nanoUsd(1_000_000n),
  cacheWrite: nanoUsd(1_000_000n),
  output: nanoUsd(1_000_000n),
};

const NO_OUTPUT = { outputTokensCap: 0, outputCapSource: 'client', outputsMax: 0 } as const;

interface CallOptions extends Partial<Omit<AuthorizeCall, 'type' | 'callId' | 'bounds'>> {
  /** What the call may cost at most. */
  readonly ceiling?: NanoUsd;
  readonly bounds?: Partial<CallBounds>;
}

export function authorize(name: string, { ceiling, bounds, ...options }: CallOptions = {}): AuthorizeCall {
  return {
    type: 'AuthorizeCall',
    callId: call(name),
    keyId: key('a'),
    projectId: project('a'),
    model: model('echo'),
    endpoint: 'chat',
    stream: false,
    backendId: backend,
    prices: PRICES,
    bounds: { inputTokensMax: Number(ceiling ?? usd('0.01')), inputTokensEstimate: 0, ...NO_OUTPUT, ...bounds },
    outputTokensCapMin: 1,
    owner: boot('a'),
    dispatchWindowMs: 10 * SECOND_MS,
    holdMs: 15 * MINUTE_MS,
    ...options,
  };
}

export const trace = { attempts: [], latencyMs: 1_200 } as const;

/** Usage that costs this much under `PRICES`. */
export function usageOf(cost: NanoUsd): TokenUsage {
  return { input: Number(cost), cachedInput: 0, cacheWrite: 0, output: 0 };
}

export function complete(name: string, cost: NanoUsd, options: Partial<CompleteCall> = {}): CompleteCall {
  return {
    type: 'CompleteCall',
    callId: call(name),
    usage: usageOf(cost),
    certainty: 'reported',
    outcome: 'complete',
    finishReason: 'stop',
    trace,
    ...options,
  };
}

export function fail(name: string, billed: 'never' | 'unknown'): LedgerCommand {
  return { type: 'FailCall', callId: call(name), error: 'backend_error', billed, trace };
}

export function release(name: string, options: Partial<ReleaseCall> = {}): ReleaseCall {
  const { owner = boot('a'), dispatched = false, reason = 'connect failed' } = options;
  return { type: 'ReleaseCall', callId: call(name), owner, reason, dispatched, trace };
}

export function abandon(name: string, counted?: NanoUsd): LedgerCommand {
  const seen = counted === undefined ? {} : { counted: usageOf(counted) };
  return { type: 'AbandonCall', callId: call(name), reason: 'client left', trace, ...seen };
}

export function expire(name: string, cause: 'deadline' | 'owner-dead' = 'deadline'): LedgerCommand {
  return { type: 'ExpireCall', callId: call(name), cause };
}

export function resolve(name: string, cost: NanoUsd, tokens?: bigint, commandId?: string): LedgerCommand {
  const given = {
    ...(tokens === undefined ? {} : { tokens }),
    ...(commandId === undefined ? {} : { commandId }),
  };
  return { type: 'ResolveCall', callId: call(name), source: 'operator', cost, reason: 'invoice', ...given };
}

export function resolveAll(options: Partial<Omit<ResolveCalls, 'type'>> = {}): ResolveCalls {
  return {
    type: 'ResolveCalls',
    filter: {},
    at: { kind: 'counted' },
    source: 'operator',
    reason: 'asked',
    callsMax: 100,
    commandId: 'once',
    ...options,
  };
}

export function byPolicy(name: string): LedgerCommand {
  return { type: 'ResolveByPolicy', callId: call(name) };
}

export function choosePolicy(resolveAt: UnresolvedPolicy['resolveAt'], afterSeconds: number): LedgerCommand {
  return { type: 'SetUnresolvedPolicy', policy: { resolveAt, afterSeconds } };
}

export const ORGANIZATION: BudgetScope = { type: 'organization' };

/** A blocking budget of the organization that never resets, unless said otherwise. */
export function defineBudget(name: string, options: Partial<Omit<DefineBudget, 'type'>> = {}): DefineBudget {
  return {
    type: 'DefineBudget',
    budgetId: budget(name),
    name,
    scope: ORGANIZATION,
    unit: 'cost',
    period: 'total',
    limit: usd('10'),
    mode: 'block',
    thresholds: [],
    timeZone: 'UTC',
    ...options,
  };
}

export function changeBudget(name: string, change: Omit<ChangeBudget, 'type' | 'budgetId'>) {
  return { type: 'ChangeBudget', budgetId: budget(name), ...change } as const;
}

export function setLimits(limits: Extract<LedgerCommand, { type: 'SetLimits' }>['limits'], target?: 'organization') {
  const of = target === undefined ? ({ type: 'api-key', id: key('a') } as const) : ({ type: target } as const);
  return { type: 'SetLimits', target: of, limits } as const;
}

/** A step in time between the commands of a script. */
type Step = { readonly type: 'At'; readonly at: EpochMs } | { readonly type: 'After'; readonly ms: number };
export type Script = readonly (LedgerCommand | Step)[];

export function at(time: string): Step {
  return { type: 'At', at: instant(time) };
}

export function later(ms: number): Step {
  return { type: 'After', ms };
}

/** A ledger and the time of its next command. */
export interface LedgerMoment {
  readonly state: LedgerState;
  readonly now: EpochMs;
}

const EVENT_ID = '01980000-0000-7000-8000-000000000000' as EventId;

function applied(moment: LedgerMoment, events: readonly LedgerEvent[]): LedgerMoment {
  const { now } = moment;
  return { state: events.reduce((state, event) => evolve(state, { id: EVENT_ID, event, at: now }), moment.state), now };
}

/** Where a script leads; every command must be accepted. It begins at noon of 13 May 2026, UTC. */
export function play(script: Script): LedgerMoment {
  let moment: LedgerMoment = { state: initialLedgerState, now: NOON };
  for (const step of script) {
    if (step.type === 'At') moment = { state: moment.state, now: step.at };
    else if (step.type === 'After') moment = { state: moment.state, now: epochMs(moment.now + step.ms) };
    else {
      const decision = decide(step, moment.state, moment);
      if (!decision.ok) throw new Error(`${step.type} was refused: ${decision.refusal.code}`);
      moment = applied(moment, decision.events);
    }
  }
  return moment;
}

/** The ledger's decider, starting where a script leads. */
export function ledger(...script: Script): Decider<LedgerCommand, LedgerMoment, LedgerEvent, LedgerRefusal> {
  return {
    initialState: play(script),
    decide: (command, moment) => decide(command, moment.state, moment),
    evolve: (moment, event) => applied(moment, [event]),
  };
}

/** Everything that a script's last command decided, refused or not. */
export function decided(...script: Script) {
  const last = script.at(-1);
  if (last === undefined || last.type === 'At' || last.type === 'After')
    throw new Error('a script ends with a command');
  const moment = play(script.slice(0, -1));
  return decide(last, moment.state, moment);
}

/** The authorization that a script's last command led to. */
export function authorizedBy(...script: Script): InferenceAuthorized['data'] {
  const { events } = decided(...script);
  const found = events.find((event): event is InferenceAuthorized => event.type === 'InferenceAuthorized');
  if (found === undefined) throw new Error(`there is no authorization in ${events.map(({ type }) => type).join()}`);
  return found.data;
}

/** What a budget counts in its newest period. */
export function counted(moment: LedgerMoment, name = 'b'): Pick<PeriodCounter, 'settled' | 'held' | 'unresolved'> {
  const from = moment.state.budgets.get(budget(name))?.currentFrom;
  const { settled, held, unresolved } = moment.state.periods.get(`${budget(name)}@${from}`) ?? {
    settled: 0n,
    held: 0n,
    unresolved: 0n,
  };
  return { settled, held, unresolved };
}
