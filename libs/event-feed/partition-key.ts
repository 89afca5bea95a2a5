import { parseId, type StoredEvent } from '#kernel';

const ORGANIZATION_ID = /org_[0-9a-z]{26}$/;
const decoder = new TextDecoder();

/**
 * What an event is partitioned by: its organization, or its stream when it belongs to none. All events of one document
 * share one key, so that a partitioned feed folds each document in order.
 */
export function partitionKeyOf(event: StoredEvent): string {
  const fromStream = ORGANIZATION_ID.exec(event.stream)?.[0];
  const orgId = fromStream ?? (JSON.parse(decoder.decode(event.body)) as { org?: string }).org;
  return (orgId === undefined ? undefined : parseId('org', orgId)) ?? event.stream;
}
