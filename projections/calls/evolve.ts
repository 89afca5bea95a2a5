import { type DecodedEvent, type EpochMs, type NanoUsd, nanoUsd, type OrganizationId, ZERO_USD } from '#kernel';
import { type LedgerEvent, type LedgerEventOf, parseLedgerStream } from '#ledger';
import type { CallRecord } from './types';

export type CallEvent = Extract<
  LedgerEvent,
  {
    type:
      | 'InferenceAuthorized'
      | 'InferenceCompleted'
      | 'InferenceFailed'
      | 'InferenceReleased'
      | 'InferenceUnresolved'
      | 'InferenceResolved'
      | 'InferenceCorrected'
      | 'InferenceRefused';
  }
>;

type EndEvent = Exclude<CallEvent, { type: 'InferenceAuthorized' | 'InferenceRefused' }>;

export function organizationOf(event: DecodedEvent<LedgerEvent>): OrganizationId {
  const orgId = event.metadata.orgId ?? parseLedgerStream(event.stream);
  if (orgId === undefined) throw new Error(`${event.stream} is no ledger`);
  return orgId;
}

function trail(event: DecodedEvent<LedgerEvent>, before?: CallRecord): CallRecord['events'] {
  return [...(before?.events ?? []), { id: event.id, type: event.event.type, at: event.metadata.at }];
}

/** The call as far as an event that ends it tells, for one whose authorization was not seen. */
function unseen({ data }: EndEvent, event: DecodedEvent<LedgerEvent>): CallRecord {
  const { callId, projectId, teamId, keyId, model, endpoint, authorizedAt } = data;
  return {
    callId,
    orgId: organizationOf(event),
    projectId,
    ...(teamId === undefined ? {} : { teamId }),
    keyId,
    model,
    endpoint,
    outcome: 'open',
    at: authorizedAt,
    charged: ZERO_USD,
    excess: ZERO_USD,
    touches: [],
    attempts: [],
    events: [],
  };
}

function authorized(
  { data }: LedgerEventOf<'InferenceAuthorized'>,
  event: DecodedEvent<LedgerEvent>,
  before: CallRecord | undefined,
): CallRecord {
  const { callId, projectId, teamId, keyId, model, endpoint, backendId, stream, clientRequestId } = data;
  return {
    callId,
    orgId: organizationOf(event),
    projectId,
    ...(teamId === undefined ? {} : { teamId }),
    keyId,
    model,
    endpoint,
    backendId,
    outcome: 'open',
    at: event.metadata.at,
    charged: ZERO_USD,
    stream,
    priceVersion: data.prices.version,
    hold: { cost: data.holdCost, tokens: data.holdTokens, outputTokensCap: data.bounds.outputTokensCap },
    excess: ZERO_USD,
    touches: data.touches,
    attempts: [],
    ...(clientRequestId === undefined ? {} : { clientRequestId }),
    events: trail(event, before),
  };
}

function refused(
  { data }: LedgerEventOf<'InferenceRefused'>,
  event: DecodedEvent<LedgerEvent>,
  before: CallRecord | undefined,
): CallRecord {
  const { callId, projectId, teamId, keyId, model, endpoint, code } = data;
  return {
    callId,
    orgId: organizationOf(event),
    projectId,
    ...(teamId === undefined ? {} : { teamId }),
    keyId,
    model,
    endpoint,
    outcome: 'refused',
    code,
    at: event.metadata.at,
    charged: ZERO_USD,
    excess: ZERO_USD,
    touches: [],
    attempts: [],
    events: trail(event, before),
  };
}

/** What happened upstream. An event that knows nothing of it leaves what an earlier one knew. */
function upstream(
  data: Exclude<EndEvent, { type: 'InferenceResolved' | 'InferenceCorrected' }>['data'],
  call: CallRecord,
): Pick<CallRecord, 'attempts' | 'backendId' | 'latencyMs' | 'firstByteMs' | 'upstreamRequestId'> {
  const { attempts, upstreamRequestId, firstByteMs, latencyMs } = data;
  const backendId = attempts.at(-1)?.backendId ?? call.backendId;
  return {
    attempts: attempts.length === 0 ? call.attempts : attempts,
    ...(backendId === undefined ? {} : { backendId }),
    ...(latencyMs === 0 && attempts.length === 0 ? {} : { latencyMs }),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
    ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
  };
}

function completed(
  { data }: LedgerEventOf<'InferenceCompleted'>,
  event: DecodedEvent<LedgerEvent>,
  call: CallRecord,
): CallRecord {
  const { at } = event.metadata;
  if (call.outcome === 'resolved')
    return { ...call, settledAfterResolution: { usage: data.usage, actual: data.actual, at } };
  const { code: _, backendId: planned, ...rest } = call;
  const isCached = data.servedFrom === 'cache';
  return {
    ...rest,
    ...(planned === undefined || isCached ? {} : { backendId: planned }),
    ...upstream(data, isCached ? rest : call),
    outcome: data.outcome === 'complete' ? 'completed' : 'interrupted',
    endedAt: at,
    stream: data.stream,
    ...(data.finishReason === undefined ? {} : { finishReason: data.finishReason }),
    ...(data.reason === undefined ? {} : { code: data.reason }),
    ...(data.servedFrom === undefined ? {} : { servedFrom: data.servedFrom }),
    usage: data.usage,
    certainty: data.certainty,
    priceVersion: data.priceVersion,
    actual: data.actual,
    charged: data.charged,
    excess: data.excess,
  };
}

/** Newest ones are kept. */
const CORRECTIONS_MAX = 50;

function corrected({ data }: LedgerEventOf<'InferenceCorrected'>, at: EpochMs, call: CallRecord): CallRecord {
  const { source, reason, cost, tokens, charged, excess, before } = data;
  const was = { cost: before.cost, charged: before.charged, tokens: before.tokens, at };
  return {
    ...call,
    outcome: 'resolved',
    actual: cost,
    charged,
    excess,
    resolution: { source, reason, cost, tokens, at },
    corrections: [...(call.corrections ?? []), was].slice(-CORRECTIONS_MAX),
  };
}

function ended(event: DecodedEvent<LedgerEvent>, change: EndEvent, call: CallRecord): CallRecord {
  const { at } = event.metadata;
  switch (change.type) {
    case 'InferenceCompleted':
      return completed(change, event, call);
    case 'InferenceFailed': {
      const { error, billed, stream, counted } = change.data;
      const end = { ...call, ...upstream(change.data, call), code: error, endedAt: at, stream };
      return billed === 'unknown'
        ? { ...end, outcome: 'unresolved', certainty: 'unresolved', ...(counted === undefined ? {} : { counted }) }
        : { ...end, outcome: 'failed' };
    }
    case 'InferenceReleased':
      return {
        ...call,
        ...upstream(change.data, call),
        outcome: 'released',
        code: change.data.reason,
        endedAt: at,
      };
    case 'InferenceUnresolved': {
      const { reason, counted } = change.data;
      return {
        ...call,
        ...upstream(change.data, call),
        outcome: 'unresolved',
        certainty: 'unresolved',
        code: reason,
        endedAt: at,
        // Not what was charged, which is the ceiling, but what is known of the tokens.
        ...(counted === undefined ? {} : { counted, usage: counted.usage }),
      };
    }
    case 'InferenceCorrected':
      return corrected(change, at, call);
    case 'InferenceResolved': {
      const { source, reason, cost, tokens, charged, excess } = change.data;
      const actual: NanoUsd = nanoUsd(cost);
      return {
        ...call,
        outcome: 'resolved',
        resolution: { source, reason, cost, tokens, at },
        actual,
        charged,
        excess,
      };
    }
  }
}

/** One call after one more of its events. */
export function evolveCall(before: CallRecord | undefined, event: DecodedEvent<CallEvent>): CallRecord {
  const change = event.event;
  if (change.type === 'InferenceAuthorized') return authorized(change, event, before);
  if (change.type === 'InferenceRefused') return refused(change, event, before);
  const call = before ?? unseen(change, event);
  return { ...ended(event, change, call), events: trail(event, before) };
}

/** Calls that a counting event names. They were refused after the first of their kind, within its window. */
export function countedRefusals(event: DecodedEvent<LedgerEventOf<'RefusalsCounted'>>): readonly CallRecord[] {
  const { callIds, projectId, teamId, keyId, model, code, from, times } = event.event.data;
  return callIds.map((callId, index) => ({
    callId,
    orgId: organizationOf(event),
    projectId,
    ...(teamId === undefined ? {} : { teamId }),
    keyId,
    model,
    outcome: 'refused',
    code,
    at: times?.[index] ?? from,
    charged: ZERO_USD,
    excess: ZERO_USD,
    touches: [],
    attempts: [],
    events: trail(event),
    countedRefusal: true,
  }));
}
