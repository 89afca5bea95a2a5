import { setTimeout } from 'node:timers/promises';
import type { EventStore } from '#event-store';
import {
  type ApiKeyId,
  type BackendId,
  type BootId,
  type BudgetId,
  type CallId,
  composeEventId,
  composeId,
  type EncodedEvent,
  type EventId,
  epochMs,
  type ModelId,
  nanoUsd,
  type OrganizationId,
  type ProjectId,
} from '#kernel';
import { type LedgerEvent, ledgerCodec, ledgerStream } from '#ledger';

/** Ids and events that look like a ledger's, made fast: the record of a bench, not of a decider. */

export function serialBytes(serial: number): Uint8Array {
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, serial);
  return bytes;
}

export const SINCE = epochMs(Date.parse('2025-05-01T00:00:00Z'));
export const orgId: OrganizationId = composeId('org', SINCE, serialBytes(1));
export const keyIds: readonly ApiKeyId[] = [1, 2, 3, 4].map((n) => composeId('key', SINCE, serialBytes(n)));
export const projectIds: readonly ProjectId[] = [1, 2].map((n) => composeId('prj', SINCE, serialBytes(n)));
export const backendIds: readonly BackendId[] = [1, 2].map((n) => composeId('bkd', SINCE, serialBytes(n)));
export const models: readonly ModelId[] = ['echo', 'maker/small', 'maker/large'] as ModelId[];
const owner: BootId = composeId('boot', SINCE, serialBytes(1));
const budgetId: BudgetId = composeId('bgt', SINCE, serialBytes(1));

export function nth<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('nothing to choose from');
  return item;
}

function subject(serial: number, callId: CallId) {
  return {
    callId,
    keyId: nth(keyIds, serial),
    projectId: nth(projectIds, serial),
    model: nth(models, serial >> 2),
    endpoint: 'chat',
  } as const;
}

const ONE = nanoUsd(1_000_000n);
const prices = { version: 1, input: ONE, cachedInput: ONE, cacheWrite: ONE, output: ONE };

function authorized(serial: number, callId: CallId): LedgerEvent {
  const bounds = {
    inputTokensMax: 900,
    inputTokensEstimate: 300,
    outputTokensCap: 1_000,
    outputCapSource: 'default',
  } as const;
  return {
    type: 'InferenceAuthorized',
    data: {
      ...subject(serial, callId),
      stream: serial % 2 === 0,
      backendId: nth(backendIds, serial),
      prices,
      bounds: { ...bounds, outputsMax: 1 },
      holdCost: nanoUsd(1_900n),
      holdTokens: 1_900n,
      rateTokens: 1_300,
      touches: [{ budgetId, from: SINCE, unit: 'cost', amount: 1_900n }],
      owner,
      dispatchBy: epochMs(SINCE + 10_000),
      deadline: epochMs(SINCE + 900_000),
    },
  };
}

function completed(serial: number, callId: CallId, authorizedAt: number): LedgerEvent {
  const latencyMs = 80 + ((serial * 7_919) % 4_000);
  return {
    type: 'InferenceCompleted',
    data: {
      ...subject(serial, callId),
      authorizedAt: epochMs(authorizedAt),
      attempts: [{ backendId: nth(backendIds, serial), status: 200, firstByteMs: 60, totalMs: latencyMs }],
      latencyMs,
      firstByteMs: latencyMs >> 2,
      stream: serial % 2 === 0,
      outcome: 'complete',
      finishReason: 'stop',
      usage: { input: 300 + (serial % 200), cachedInput: 0, cacheWrite: 0, output: serial % 700 },
      certainty: 'reported',
      priceVersion: 1,
      actual: nanoUsd(700n),
      charged: nanoUsd(700n),
      excess: nanoUsd(0n),
      late: false,
    },
  };
}

/** How many calls are open at the same time. */
const OPEN_CALLS = 64;

export interface AppendOptions {
  readonly eventsMax: number;
  /** The calls are spread over so long a time. */
  readonly spanMs: number;
  readonly batchEvents: number;
  /** From the beginning of one append to the next; 0: as fast as the disk takes them. */
  readonly paceMs: number;
  /** Told after each append. */
  readonly onAppended: (position: bigint) => void;
}

export const AT_ONCE = { batchEvents: 1_000, paceMs: 0, onAppended: () => undefined } as const;

/** Appends events, two per call; gives the last position. */
export async function appendCalls(store: EventStore, options: AppendOptions): Promise<bigint> {
  const { eventsMax, spanMs, batchEvents, paceMs, onAppended } = options;
  const calls = Math.floor(eventsMax / 2);
  const at = (call: number) => SINCE + Math.floor((call / calls) * spanMs);
  let position = 0n;
  let serial = 0;
  let batch: EncodedEvent[] = [];
  let nextMs = performance.now();
  const add = (event: LedgerEvent, time: number) => {
    serial += 1;
    const id: EventId = composeEventId(time, serialBytes(serial));
    const metadata = { actor: { type: 'system', id: 'bench' }, at: epochMs(time), orgId } as const;
    batch.push(ledgerCodec.encode({ id, event, metadata }));
  };
  for (let call = 0; call < calls + OPEN_CALLS; call += 1) {
    if (call < calls) add(authorized(call, composeId('req', at(call), serialBytes(call))), at(call));
    const ended = call - OPEN_CALLS;
    if (ended >= 0)
      add(completed(ended, composeId('req', at(ended), serialBytes(ended)), at(ended)), at(Math.min(call, calls)));
    if (batch.length < batchEvents && call < calls + OPEN_CALLS - 1) continue;
    nextMs += paceMs;
    if (paceMs > 0) await setTimeout(Math.max(0, nextMs - performance.now()));
    if (batch.length > 0) ({ position } = await store.append(ledgerStream(orgId), 'any', batch));
    onAppended(position);
    batch = [];
  }
  return position;
}
