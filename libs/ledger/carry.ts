import { createHash } from 'node:crypto';
import { Map as ImmutableMap, List } from 'immutable';
import { z } from 'zod';
import {
  type ApiKeyId,
  type BudgetId,
  bigintField,
  brandedField,
  type CallId,
  canonicalJson,
  type EventId,
  epochMsField,
  nanoUsdField,
  type ProjectId,
  type TeamId,
} from '#kernel';
import {
  budgetModeSchema,
  budgetPeriodSchema,
  budgetScopeSchema,
  budgetUnitSchema,
  type LedgerEventOf,
  ledgerSchemas,
  limitsSchema,
  usageSchema,
} from './events';
import type { ExpiringMap } from './expiring-map';
import { type LedgerState, scopeKey } from './state';

/**
 * Carry sets: the state written into its own stream, so that loading need not fold from the beginning. A carry
 * accelerates, it is never a source: an incomplete, damaged or foreign set is ignored and the events are folded.
 */

/** Raised whenever the stored form of the state changes; sets of other versions are ignored. */
export const CARRY_VERSION = 2;
/** Leaves room for the envelope and for the escapes of a JSON text within JSON. */
export const CARRY_PART_BYTES_MAX = 40_000;

const holdShape = { call: ledgerSchemas.InferenceAuthorized.data, authorizedAt: epochMsField };
const holdSchema = z.object(holdShape);

function expiring<T extends z.ZodType>(value: T) {
  return z.array(z.tuple([z.string(), value, epochMsField]));
}

const idempotencySchema = z.object({
  callId: brandedField<CallId>(),
  body: z.string(),
  outcome: z.enum(['running', 'answered', 'unknown']),
});

const carrySchema = z.object({
  time: epochMsField,
  budgets: z.array(
    z.object({
      definition: z.object({
        budgetId: brandedField<BudgetId>(),
        name: z.string(),
        scope: budgetScopeSchema,
        unit: budgetUnitSchema,
        period: budgetPeriodSchema,
        limit: bigintField,
        mode: budgetModeSchema,
        thresholds: z.array(z.number()),
        timeZone: z.string(),
        countedSince: epochMsField,
      }),
      currentFrom: epochMsField.optional(),
      ended: z.boolean(),
    }),
  ),
  periods: z.array(
    z.tuple([
      z.string(),
      z.object({
        budgetId: brandedField<BudgetId>(),
        from: epochMsField,
        to: epochMsField.optional(),
        settled: bigintField,
        held: bigintField,
        unresolved: bigintField,
        thresholdReached: z.number(),
        exceeded: z.boolean(),
      }),
    ]),
  ),
  holds: z.array(holdSchema),
  unresolved: z.array(
    z.object({
      ...holdShape,
      since: epochMsField,
      counted: z.object({ usage: usageSchema, cost: nanoUsdField }).optional(),
    }),
  ),
  organizationLimits: limitsSchema,
  keyLimits: z.array(z.tuple([brandedField<ApiKeyId>(), limitsSchema])),
  buckets: z.array(z.tuple([z.string(), z.object({ level: z.number(), at: epochMsField })])),
  bars: z.array(z.tuple([z.string(), z.string()])),
  projectTeams: z.array(z.tuple([brandedField<ProjectId>(), brandedField<TeamId>()])),
  refusals: expiring(z.object({ eventId: brandedField<EventId>(), from: epochMsField })),
  openKeys: z.array(z.tuple([z.string(), brandedField<CallId>()])),
  recentKeys: expiring(idempotencySchema),
  resolvedKeys: expiring(idempotencySchema),
  ended: expiring(z.enum(['completed', 'failed', 'released'])),
  resolved: expiring(z.object({ ...holdShape, isSettled: z.boolean() })),
});

function sortedEntries<K extends string, V>(map: ImmutableMap<K, V>): [K, V][] {
  return [...map.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
}

function expiringEntries<V>(map: ExpiringMap<V>): [string, V, number][] {
  return map.queue.toArray().flatMap(({ key, until }): [string, V, number][] => {
    const entry = map.entries.get(key);
    return entry === undefined || entry.until !== until ? [] : [[key, entry.value, until]];
  });
}

/** The state as canonical text: equal states give equal texts. */
export function carryText(state: LedgerState): string {
  return canonicalJson({
    time: state.time,
    budgets: sortedEntries(state.budgets).map(([, budget]) => budget),
    periods: sortedEntries(state.periods),
    holds: sortedEntries(state.holds).map(([, hold]) => hold),
    unresolved: sortedEntries(state.unresolved).map(([, call]) => call),
    organizationLimits: state.organizationLimits,
    keyLimits: sortedEntries(state.keyLimits),
    buckets: sortedEntries(state.buckets),
    bars: sortedEntries(state.bars),
    projectTeams: sortedEntries(state.projectTeams),
    refusals: expiringEntries(state.refusals),
    openKeys: sortedEntries(state.openKeys),
    recentKeys: expiringEntries(state.recentKeys),
    resolvedKeys: expiringEntries(state.resolvedKeys),
    ended: expiringEntries(state.ended),
    resolved: expiringEntries(state.resolved),
  });
}

function expiringMap<V>(entries: readonly (readonly [string, V, z.output<typeof epochMsField>])[]): ExpiringMap<V> {
  return {
    entries: ImmutableMap(entries.map(([key, value, until]) => [key, { value, until }])),
    queue: List(entries.map(([key, , until]) => ({ key, until }))),
  };
}

/** Reads a carry text. @throws ZodError or SyntaxError when it is not of this version's form. */
export function stateFromCarryText(text: string): LedgerState {
  const carry = carrySchema.parse(JSON.parse(text));
  const budgetsByScope: Record<string, BudgetId[]> = {};
  for (const { definition, ended } of carry.budgets) {
    if (ended) continue;
    const key = scopeKey(definition.scope);
    budgetsByScope[key] = [...(budgetsByScope[key] ?? []), definition.budgetId];
  }
  const openByKey: Record<string, number> = {};
  for (const { call } of carry.holds) openByKey[call.keyId] = (openByKey[call.keyId] ?? 0) + 1;
  return {
    time: carry.time,
    budgets: ImmutableMap(
      carry.budgets.map((budget) => [budget.definition.budgetId, budget] as const),
    ) as LedgerState['budgets'],
    budgetsByScope: ImmutableMap(Object.entries(budgetsByScope)),
    periods: ImmutableMap(carry.periods) as LedgerState['periods'],
    holds: ImmutableMap(carry.holds.map((hold) => [hold.call.callId, hold])),
    unresolved: ImmutableMap(carry.unresolved.map((call) => [call.call.callId, call])) as LedgerState['unresolved'],
    openByKey: ImmutableMap(Object.entries(openByKey)) as LedgerState['openByKey'],
    organizationLimits: carry.organizationLimits,
    keyLimits: ImmutableMap(carry.keyLimits),
    buckets: ImmutableMap(carry.buckets),
    bars: ImmutableMap(carry.bars),
    projectTeams: ImmutableMap(carry.projectTeams),
    refusals: expiringMap(carry.refusals),
    openKeys: ImmutableMap(carry.openKeys),
    recentKeys: expiringMap(carry.recentKeys),
    resolvedKeys: expiringMap(carry.resolvedKeys),
    ended: expiringMap(carry.ended),
    resolved: expiringMap(carry.resolved),
  };
}

export type CarryPart = LedgerEventOf<'CarryRecorded'>;

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Cuts a text into pieces of at most so many bytes, at character boundaries. */
function pieces(text: string, bytesMax: number): string[] {
  const parts: string[] = [];
  // A UTF-16 unit takes at most three bytes in UTF-8; the text is almost all ASCII, so pieces come out near the limit.
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + bytesMax);
    while (Buffer.byteLength(text.slice(start, end)) > bytesMax) end = start + Math.floor((end - start) / 2);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

/** The carry set of a state that is the fold of everything up to and including `upTo`. */
export function carrySet(state: LedgerState, upTo: bigint, set: string): readonly CarryPart[] {
  const text = carryText(state);
  const digest = digestOf(text);
  const texts = pieces(text, CARRY_PART_BYTES_MAX);
  return texts.map((part, index) => ({
    type: 'CarryRecorded',
    data: { version: CARRY_VERSION, set, upTo, part: index, parts: texts.length, digest, text: part },
  }));
}

/** Gathers carry parts read backwards until one set is whole. */
export class CarryCollector {
  private readonly sets: Record<string, Record<number, string>> = {};

  /** The state and its revision, once this part completes a valid set of a known version. */
  add({ data }: CarryPart): { readonly state: LedgerState; readonly upTo: bigint; readonly bytes: number } | undefined {
    if (data.version !== CARRY_VERSION) return undefined;
    const parts = this.sets[data.set] ?? {};
    this.sets[data.set] = parts;
    parts[data.part] = data.text;
    if (Object.keys(parts).length !== data.parts) return undefined;
    const text = Array.from({ length: data.parts }, (_, part) => parts[part] ?? '').join('');
    if (digestOf(text) !== data.digest) return undefined;
    try {
      return { state: stateFromCarryText(text), upTo: data.upTo, bytes: text.length };
    } catch {
      return undefined; // Damaged or foreign: the events themselves are folded instead.
    }
  }
}
