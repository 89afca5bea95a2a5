import {
  type ApiKeyId,
  type BackendId,
  type BudgetId,
  type CallId,
  type Certainty,
  type EpochMs,
  type EventId,
  epochMs,
  type ModelId,
  type NanoUsd,
  nanoUsd,
  type OrganizationId,
  type ProjectId,
  type TeamId,
  type TokenUsage,
} from '#kernel';
import type { Attempt, BudgetUnit, Endpoint } from '#ledger';
import type { ColumnValue, Document, JsonValue, Table } from '#read-store';
import type { CallOutcome, CallRecord } from './types';

/** What is not searched by; amounts are decimal strings. */
interface CallRest {
  readonly teamId?: TeamId;
  readonly endedAt?: EpochMs;
  readonly latencyMs?: number;
  readonly firstByteMs?: number;
  readonly usage?: TokenUsage;
  readonly charged: string;
  readonly stream?: boolean;
  readonly certainty?: Certainty;
  readonly priceVersion?: number;
  readonly hold?: { readonly cost: string; readonly tokens: string; readonly outputTokensCap: number };
  readonly actual?: string;
  readonly excess: string;
  readonly touches: readonly (readonly [BudgetId, EpochMs, BudgetUnit, string])[];
  readonly attempts: readonly Attempt[];
  readonly finishReason?: string;
  readonly servedFrom?: 'cache';
  readonly upstreamRequestId?: string;
  readonly clientRequestId?: string;
  readonly counted?: { readonly usage: TokenUsage; readonly cost: string };
  readonly resolution?: {
    readonly source: 'operator' | 'reconciliation' | 'policy';
    readonly reason: string;
    readonly cost: string;
    readonly tokens: string;
    readonly at: EpochMs;
  };
  readonly corrections?: readonly (readonly [cost: string, charged: string, tokens: string, at: EpochMs])[];
  readonly settledAfterResolution?: { readonly usage: TokenUsage; readonly actual: string; readonly at: EpochMs };
  readonly events: readonly (readonly [EventId, string, EpochMs])[];
  readonly countedRefusal?: boolean;
}

/** Outcomes of calls whose cost is not final. */
export const UNSETTLED: ReadonlySet<CallOutcome> = new Set(['open', 'unresolved']);

function money(amount: string): NanoUsd {
  return nanoUsd(BigInt(amount));
}

/** Absent and undefined are the same here, for what is undefined is not written. */
function encodeRest(call: CallRecord): JsonValue {
  const { hold, counted, resolution, settledAfterResolution: late } = call;
  return {
    teamId: call.teamId,
    endedAt: call.endedAt,
    latencyMs: call.latencyMs,
    firstByteMs: call.firstByteMs,
    usage: call.usage === undefined ? undefined : { ...call.usage },
    charged: String(call.charged),
    stream: call.stream,
    certainty: call.certainty,
    priceVersion: call.priceVersion,
    hold: hold === undefined ? undefined : { ...hold, cost: String(hold.cost), tokens: String(hold.tokens) },
    actual: call.actual === undefined ? undefined : String(call.actual),
    excess: String(call.excess),
    touches: call.touches.map(({ budgetId, from, unit, amount }) => [budgetId, from, unit, String(amount)]),
    attempts: call.attempts.map((attempt) => ({ ...attempt })),
    finishReason: call.finishReason,
    servedFrom: call.servedFrom,
    upstreamRequestId: call.upstreamRequestId,
    clientRequestId: call.clientRequestId,
    counted: counted === undefined ? undefined : { usage: { ...counted.usage }, cost: String(counted.cost) },
    resolution:
      resolution === undefined
        ? undefined
        : { ...resolution, cost: String(resolution.cost), tokens: String(resolution.tokens) },
    corrections: call.corrections?.map(({ cost, charged, tokens, at }) => [
      String(cost),
      String(charged),
      String(tokens),
      at,
    ]),
    settledAfterResolution:
      late === undefined ? undefined : { usage: { ...late.usage }, actual: String(late.actual), at: late.at },
    events: call.events.map(({ id, type, at }) => [id, type, at]),
    countedRefusal: call.countedRefusal,
  };
}

function decodeRest(rest: CallRest) {
  const { charged, excess, hold, actual, touches, counted, resolution, settledAfterResolution: late, events } = rest;
  return {
    ...rest,
    charged: money(charged),
    excess: money(excess),
    touches: touches.map(([budgetId, from, unit, amount]) => ({ budgetId, from, unit, amount: BigInt(amount) })),
    events: events.map(([id, type, at]) => ({ id, type, at })),
    hold: hold === undefined ? undefined : { ...hold, cost: money(hold.cost), tokens: BigInt(hold.tokens) },
    actual: actual === undefined ? undefined : money(actual),
    counted: counted === undefined ? undefined : { ...counted, cost: money(counted.cost) },
    resolution:
      resolution === undefined
        ? undefined
        : { ...resolution, cost: money(resolution.cost), tokens: BigInt(resolution.tokens) },
    corrections: rest.corrections?.map(([cost, wasCharged, tokens, at]) => ({
      cost: money(cost),
      charged: money(wasCharged),
      tokens: BigInt(tokens),
      at,
    })),
    settledAfterResolution: late === undefined ? undefined : { ...late, actual: money(late.actual) },
  };
}

function optionalText<T extends string>(value: ColumnValue | undefined): T | undefined {
  return typeof value === 'string' ? (value as T) : undefined;
}

/** What a type says is absent is left out, so that a decoded record equals the one that was encoded. */
function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

function decodeCall({ id, columns, rest }: Document): CallRecord {
  const decoded = {
    callId: id as CallId,
    orgId: String(columns.orgId) as OrganizationId,
    projectId: String(columns.projectId) as ProjectId,
    keyId: String(columns.keyId) as ApiKeyId,
    model: String(columns.model) as ModelId,
    endpoint: optionalText<Endpoint>(columns.endpoint),
    backendId: optionalText<BackendId>(columns.backendId),
    outcome: String(columns.outcome) as CallOutcome,
    code: optionalText<string>(columns.code),
    at: epochMs(Number(columns.at)),
    ...decodeRest(rest as unknown as CallRest),
  };
  return withoutUndefined(decoded) as CallRecord;
}

/** One document per call, by call id. */
export const callsTable: Table<CallRecord> = {
  schema: {
    name: 'calls',
    columns: {
      orgId: 'text',
      at: 'integer',
      projectId: 'text',
      keyId: 'text',
      model: 'text',
      backendId: 'text',
      endpoint: 'text',
      outcome: 'text',
      code: 'text',
      unsettled: 'integer',
    },
    indexes: [
      { columns: ['orgId', 'at'] },
      { columns: ['projectId', 'at'] },
      { columns: ['keyId', 'at'] },
      { columns: ['orgId', 'model', 'at'] },
      // Few calls go wrong or wait for their end, and these are the ones that are looked for.
      { columns: ['orgId', 'at'], presentOnly: 'code' },
      { columns: ['orgId', 'outcome'], presentOnly: 'unsettled' },
    ],
  },
  encode: (call) => ({
    columns: {
      orgId: call.orgId,
      at: call.at,
      projectId: call.projectId,
      keyId: call.keyId,
      model: call.model,
      backendId: call.backendId ?? null,
      endpoint: call.endpoint ?? null,
      outcome: call.outcome,
      code: call.code ?? null,
      unsettled: UNSETTLED.has(call.outcome) ? 1 : null,
    },
    rest: encodeRest(call),
  }),
  decode: decodeCall,
};
