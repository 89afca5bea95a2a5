import { createHash } from 'node:crypto';
import { Map as ImmutableMap, List } from 'immutable';
import { z } from 'zod';
import {
  type ApiKeyId,
  type BackendId,
  type BudgetId,
  bigintField,
  brandedField,
  type CallId,
  canonicalJson,
  type EpochMs,
  type EventId,
  epochMs,
  epochMsField,
  type NanoUsd,
  nanoUsd,
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
  resolutionSourceSchema,
  unresolvedPolicySchema,
  usageSchema,
} from './events';
import type { ExpiringMap } from './expiring-map';
import { type EndedCall, type LedgerState, type ResolvedCall, scopeKey } from './state';

/**
 * Carry sets: the state written into its own stream, so that loading need not fold from the beginning. A carry
 * accelerates, it is never a source: an incomplete, damaged or foreign set is ignored and the events are folded.
 */

/** Raised whenever the stored form of the state changes; sets of other versions are ignored. */
export const CARRY_VERSION = 4;
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

/**
 * The calls that ended lately, by far the most entries of a busy ledger: ids, a letter for how each ended, and when each
 * is forgotten (base 36, each from the one before). Three texts are written and read many times faster than entries are.
 */
const endedSchema = z.object({ ids: z.string(), how: z.string(), until: z.string() });

const HOW_LETTERS: Readonly<Record<EndedCall, string>> = { completed: 'c', failed: 'f', released: 'r' };
const HOW_OF_LETTER: Readonly<Record<string, EndedCall>> = { c: 'completed', f: 'failed', r: 'released' };

const countedSchema = z.object({ usage: usageSchema, cost: nanoUsdField });

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
      reason: z.string(),
      backendId: brandedField<BackendId>().optional(),
      counted: countedSchema.optional(),
    }),
  ),
  unresolvedPolicy: unresolvedPolicySchema.optional(),
  organizationLimits: limitsSchema,
  keyLimits: z.array(z.tuple([brandedField<ApiKeyId>(), limitsSchema])),
  buckets: z.array(z.tuple([z.string(), z.object({ level: z.number(), at: epochMsField })])),
  bars: z.array(z.tuple([z.string(), z.string()])),
  projectTeams: z.array(z.tuple([brandedField<ProjectId>(), brandedField<TeamId>()])),
  refusals: expiring(z.object({ eventId: brandedField<EventId>(), from: epochMsField })),
  openKeys: z.array(z.tuple([z.string(), brandedField<CallId>()])),
  recentKeys: expiring(idempotencySchema),
  resolvedKeys: expiring(idempotencySchema),
  ended: endedSchema,
  resolved: expiring(
    z.object({
      ...holdShape,
      isSettled: z.boolean(),
      backendId: brandedField<BackendId>().optional(),
      counted: countedSchema.optional(),
      resolution: z.object({
        source: resolutionSourceSchema,
        reason: z.string(),
        cost: nanoUsdField,
        charged: nanoUsdField,
        excess: nanoUsdField,
        tokens: bigintField,
      }),
      commandIds: z.array(z.string()),
    }),
  ),
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

function endedTexts(map: LedgerState['ended']): z.output<typeof endedSchema> {
  const [ids, how, until] = [[] as string[], [] as string[], [] as string[]];
  let before = 0;
  map.queue.forEach((queued) => {
    const entry = map.entries.get(queued.key);
    if (entry === undefined || entry.until !== queued.until) return;
    ids.push(queued.key);
    how.push(HOW_LETTERS[entry.value]);
    until.push((queued.until - before).toString(36));
    before = queued.until;
  });
  return { ids: ids.join(' '), how: how.join(''), until: until.join(' ') };
}

/** @throws SyntaxError when the texts do not fit together. */
function endedMap({ ids, how, until }: z.output<typeof endedSchema>): LedgerState['ended'] {
  const [keys, untils] = [ids, until].map((text) => (text === '' ? [] : text.split(' '))) as [string[], string[]];
  if (keys.length !== how.length || keys.length !== untils.length)
    throw new SyntaxError('the calls that ended lately do not fit together');
  let at = 0;
  const queue = keys.map((key, index) => {
    at += Number.parseInt(untils[index] ?? '', 36);
    return { key, until: epochMs(at) };
  });
  const entries = ImmutableMap<string, { readonly value: EndedCall; readonly until: EpochMs }>().withMutations(
    (map) => {
      for (const [index, { key, until: forgottenAt }] of queue.entries()) {
        const value = HOW_OF_LETTER[how[index] ?? ''];
        if (value === undefined) throw new SyntaxError('a call ended in a way that is unknown');
        map.set(key, { value, until: forgottenAt });
      }
    },
  );
  return { entries, queue: List(queue) };
}

/** The state as canonical text: equal states give equal texts. */
export function carryText(state: LedgerState): string {
  return canonicalJson({
    time: state.time,
    budgets: sortedEntries(state.budgets).map(([, budget]) => budget),
    periods: sortedEntries(state.periods),
    holds: sortedEntries(state.holds).map(([, hold]) => hold),
    unresolved: sortedEntries(state.unresolved).map(([, call]) => call),
    ...(state.unresolvedPolicy === undefined ? {} : { unresolvedPolicy: state.unresolvedPolicy }),
    organizationLimits: state.organizationLimits,
    keyLimits: sortedEntries(state.keyLimits),
    buckets: sortedEntries(state.buckets),
    bars: sortedEntries(state.bars),
    projectTeams: sortedEntries(state.projectTeams),
    refusals: expiringEntries(state.refusals),
    openKeys: sortedEntries(state.openKeys),
    recentKeys: expiringEntries(state.recentKeys),
    resolvedKeys: expiringEntries(state.resolvedKeys),
    ended: endedTexts(state.ended),
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
    unresolvedByKey: unresolvedByKey(carry.unresolved),
    ...(carry.unresolvedPolicy === undefined ? {} : { unresolvedPolicy: carry.unresolvedPolicy }),
    organizationLimits: carry.organizationLimits,
    keyLimits: ImmutableMap(carry.keyLimits),
    buckets: ImmutableMap(carry.buckets),
    bars: ImmutableMap(carry.bars),
    projectTeams: ImmutableMap(carry.projectTeams),
    refusals: expiringMap(carry.refusals),
    openKeys: ImmutableMap(carry.openKeys),
    recentKeys: expiringMap(carry.recentKeys),
    resolvedKeys: expiringMap(carry.resolvedKeys),
    ended: endedMap(carry.ended),
    resolved: expiringMap<ResolvedCall>(carry.resolved as Parameters<typeof expiringMap<ResolvedCall>>[0]),
  };
}

function unresolvedByKey(calls: z.output<typeof carrySchema>['unresolved']): LedgerState['unresolvedByKey'] {
  const sums: Record<string, NanoUsd> = {};
  for (const { call } of calls) sums[call.keyId] = nanoUsd((sums[call.keyId] ?? 0n) + call.holdCost);
  return ImmutableMap(Object.entries(sums)) as LedgerState['unresolvedByKey'];
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
