import { type EncodedEvent, type EpochMs, type EventId, type OrganizationId, UnencodableEventError } from '#kernel';
import type { LedgerCommand } from '../commands';
import { decide, ledgerTime } from '../decide';
import { type LedgerEvent, ledgerCodec } from '../events';
import { evolve } from '../evolve';
import type { LedgerRefusal } from '../refusals';
import type { LedgerState } from '../state';
import { rankOf } from './command-queue';
import type { LedgerRuntime } from './runtime';
import { type DecidedEvent, GivenBackError, type QueuedCommand, type WaitingCommand } from './types';

export type DecidedItem = { readonly item: QueuedCommand; readonly state: LedgerState } & (
  | { readonly ok: true; readonly events: readonly DecidedEvent[] }
  | { readonly ok: false; readonly refusal: LedgerRefusal; readonly eventId?: EventId }
);

/** Frozen from its first send until its outcome is known: the events, their order, ids and the revision. */
export interface Batch {
  readonly decided: readonly DecidedItem[];
  readonly waiting: readonly WaitingCommand[];
  /** What did not fit; decided next. */
  readonly leftOver: readonly QueuedCommand[];
  readonly encoded: readonly EncodedEvent[];
  readonly state: LedgerState;
}

export function itemsOf({ decided }: Batch): readonly QueuedCommand[] {
  return decided.map(({ item }) => item);
}

interface Encoded {
  readonly events: readonly DecidedEvent[];
  readonly encoded: readonly EncodedEvent[];
  readonly state: LedgerState;
  readonly bytes: number;
}

interface Draft {
  readonly orgId: OrganizationId;
  readonly runtime: LedgerRuntime;
  readonly now: EpochMs;
  /** Monotonic. */
  readonly nowMs: number;
}

/** Gives a decision's events their envelopes and canonical bytes. @throws UnencodableEventError */
function encodeDecision(
  draft: Draft,
  item: QueuedCommand,
  state: LedgerState,
  events: readonly LedgerEvent[],
): Encoded {
  const at = ledgerTime(state, draft.now);
  const decided = events.map(
    (event, index): DecidedEvent => ({
      id: (index === 0 ? item.options.firstEventId : undefined) ?? draft.runtime.newEventId(),
      event,
    }),
  );
  const { peers } = draft.runtime;
  const gateway = peers === undefined ? {} : { gateway: peers.self };
  const encoded = decided.map(({ id, event }) =>
    ledgerCodec.encode({ id, event, metadata: { ...item.metadata, orgId: draft.orgId, at, ...gateway } }),
  );
  const next = decided.reduce((folded, { id, event }) => evolve(folded, { id, event, at }), state);
  return { events: decided, encoded, state: next, bytes: encoded.reduce((sum, { body }) => sum + body.length, 0) };
}

/** A call that has been in the queue for so long asks for its prices anew. */
const PRICES_KEPT_MS = 50;

function commandNow({ command, options, arrivedMs }: QueuedCommand, nowMs: number): LedgerCommand {
  if (command.type !== 'AuthorizeCall' || nowMs - arrivedMs < PRICES_KEPT_MS) return command;
  const priceList = options.pricesNow?.();
  if (priceList === undefined) return command;
  const { laterPrices: _, ...call } = command;
  return { ...call, ...priceList };
}

function decideItem(draft: Draft, item: QueuedCommand, state: LedgerState) {
  const decision = decide(commandNow(item, draft.nowMs), state, { now: draft.now });
  try {
    return { decision, written: encodeDecision(draft, item, state, decision.events) };
  } catch (error) {
    if (!(error instanceof UnencodableEventError)) throw error;
    const refusal: LedgerRefusal = { code: 'unencodable', message: error.message };
    return { decision: { ok: false as const, refusal }, written: { events: [], encoded: [], state, bytes: 0 } };
  }
}

/** A throw is a bug: its own caller hears of it, and the other commands go on. */
function decideOrReject(draft: Draft, item: QueuedCommand, state: LedgerState) {
  try {
    return decideItem(draft, item, state);
  } catch (error) {
    item.reject(error instanceof Error ? error : new Error(String(error)));
    return undefined;
  }
}

/** Until when a refused call would rather wait for others to end: its refusal is then not yet a fact. */
function waitUntilMs(item: QueuedCommand, refusal: LedgerRefusal, nowMs: number): number | undefined {
  switch (refusal.code) {
    case 'concurrency_limit_exceeded':
    case 'budget_contended':
    case 'idempotency_in_progress': {
      const untilMs = item.arrivedMs + (item.options.waitMs?.[refusal.code] ?? 0);
      return nowMs < untilMs && !item.settled ? untilMs : undefined;
    }
    default:
      return undefined;
  }
}

/** An ending stays true however late it comes; whatever else is late, its own gateway has decided again by now. */
function isTooLate({ command, origin }: QueuedCommand, state: LedgerState, now: EpochMs): boolean {
  return origin.from === 'peer' && ledgerTime(state, now) > origin.deadline && rankOf(command) !== 'endings';
}

/** Decides queued commands one after the other, each against the state that the ones before it leave behind. */
export function decideBatch(
  orgId: OrganizationId,
  runtime: LedgerRuntime,
  before: LedgerState,
  items: readonly QueuedCommand[],
): Batch {
  const nowMs = runtime.clock.monotonicMs();
  const draft: Draft = { orgId, runtime, now: runtime.clock.now(), nowMs };
  const { batchEventsMax, batchBytesMax } = runtime.settings;
  const decided: DecidedItem[] = [];
  const waiting: WaitingCommand[] = [];
  const encoded: EncodedEvent[] = [];
  let state = before;
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    if (isTooLate(item, state, draft.now)) {
      item.reject(new GivenBackError());
      continue;
    }
    const one = decideOrReject(draft, item, state);
    if (one === undefined) continue;
    const { decision, written } = one;
    const untilMs = decision.ok ? undefined : waitUntilMs(item, decision.refusal, nowMs);
    if (untilMs !== undefined) {
      if (item.origin.from === 'peer') item.reject(new GivenBackError());
      else waiting.push({ item, untilMs });
      continue;
    }
    const isFull = encoded.length + written.encoded.length > batchEventsMax || bytes + written.bytes > batchBytesMax;
    if (isFull && encoded.length > 0) return { decided, waiting, leftOver: items.slice(index), encoded, state };
    encoded.push(...written.encoded);
    bytes += written.bytes;
    state = written.state;
    const eventId = written.events[0]?.id;
    decided.push(
      decision.ok
        ? { item, state, ok: true, events: written.events }
        : { item, state, ok: false, refusal: decision.refusal, ...(eventId === undefined ? {} : { eventId }) },
    );
  }
  return { decided, waiting, leftOver: [], encoded, state };
}
