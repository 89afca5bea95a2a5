import type { EventStore, Subscription } from '#event-store';
import {
  API_KEY_STREAM_PREFIX,
  apiKeyCodec,
  apiKeyDecider,
  ORGANIZATION_STREAM_PREFIX,
  organizationCodec,
  organizationDecider,
  SLUG_STREAM_PREFIX,
  SYSTEM_TOKEN_STREAM_PREFIX,
  slugCodec,
  slugDecider,
  systemTokenCodec,
  systemTokenDecider,
} from '#identity';
import { CATALOGUE_STREAM, catalogueCodec, catalogueDecider } from '#inference/catalogue';
import type { StoredEvent } from '#kernel';
import { CLAIM_STREAM_PREFIX, claimCodec, claimDecider } from './claims';
import { type ControlRuntime, WarmAggregates } from './warm-aggregates';

/** Every control stream begins with one of these, and no other stream does. */
export const CONTROL_STREAM_PREFIXES: readonly string[] = [
  ORGANIZATION_STREAM_PREFIX,
  SLUG_STREAM_PREFIX,
  API_KEY_STREAM_PREFIX,
  SYSTEM_TOKEN_STREAM_PREFIX,
  CATALOGUE_STREAM,
  CLAIM_STREAM_PREFIX,
];

/** Everything that commands of people and automation decide against, warm. */
export function controlRecords(runtime: ControlRuntime) {
  const organizations = new WarmAggregates(
    {
      name: 'organization',
      streamPrefix: ORGANIZATION_STREAM_PREFIX,
      codec: organizationCodec,
      decider: organizationDecider,
    },
    runtime,
  );
  const slugs = new WarmAggregates(
    { name: 'slug', streamPrefix: SLUG_STREAM_PREFIX, codec: slugCodec, decider: slugDecider },
    runtime,
  );
  const apiKeys = new WarmAggregates(
    { name: 'api key', streamPrefix: API_KEY_STREAM_PREFIX, codec: apiKeyCodec, decider: apiKeyDecider },
    runtime,
  );
  const systemTokens = new WarmAggregates(
    {
      name: 'system token',
      streamPrefix: SYSTEM_TOKEN_STREAM_PREFIX,
      codec: systemTokenCodec,
      decider: systemTokenDecider,
    },
    runtime,
  );
  const catalogue = new WarmAggregates(
    { name: 'catalogue', streamPrefix: CATALOGUE_STREAM, codec: catalogueCodec, decider: catalogueDecider },
    runtime,
  );
  const claims = new WarmAggregates(
    { name: 'claim', streamPrefix: CLAIM_STREAM_PREFIX, codec: claimCodec, decider: claimDecider },
    runtime,
  );
  return { organizations, slugs, apiKeys, systemTokens, catalogue, claims };
}

export type ControlRecords = ReturnType<typeof controlRecords>;

/** Reads everything, stream by stream: the calls in between are far more than the control facts. */
export async function loadRecords(records: ControlRecords): Promise<void> {
  for (const aggregates of Object.values(records)) await aggregates.loadAll();
}

/**
 * The same in one pass over the log, for a store that keeps no list of its streams. It subscribes rather than reads:
 * a subscriber is told how far the search has come, where a reader would wait through every stretch of calls.
 */
export async function loadRecordsInOnePass(records: ControlRecords, store: EventStore): Promise<void> {
  let subscription: Subscription | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      subscription = store.subscribe({
        streamPrefixes: CONTROL_STREAM_PREFIXES,
        onEvent: (stored) => applyEvent(records, stored),
        onCaughtUp: () => resolve(),
        onDropped: reject,
      });
    });
  } finally {
    await subscription?.close();
  }
}

/** Takes in one event of any control stream. */
export async function applyEvent(records: ControlRecords, stored: StoredEvent): Promise<void> {
  const kind = Object.values(records).find((aggregates) => stored.stream.startsWith(aggregates.kind.streamPrefix));
  await kind?.apply(stored);
}
