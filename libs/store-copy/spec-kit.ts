import { createHash } from 'node:crypto';
import type { EventStore, EventStoreReader } from '#event-store';
import { composeEventId, type EncodedEvent, type StoredEvent, type StreamName } from '#kernel';

const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The same number gives the same event. */
export function eventNumber(n: number, type = 'Tested', padding = ''): EncodedEvent {
  const id = composeEventId(EPOCH_MS + n, createHash('sha256').update(`${n}`).digest().subarray(0, 10));
  return { id, type, body: Buffer.from(JSON.stringify({ id, n, padding })) };
}

export function streamOf(name: string): StreamName {
  return name as StreamName;
}

/** Appends one event after the other; each letter names its stream. */
export async function record(store: EventStore, streams: Iterable<string>, first = 0): Promise<void> {
  let n = first;
  for (const name of streams) {
    await store.append(streamOf(name), 'any', [eventNumber(n)]);
    n += 1;
  }
}

/** What must be the same in a copy: everything but positions. */
export async function contentOf(store: EventStoreReader): Promise<unknown[]> {
  const content: unknown[] = [];
  for await (const event of store.readAll()) content.push(withoutPosition(event));
  return content;
}

function withoutPosition({ stream, revision, id, type, body }: StoredEvent) {
  return { stream, revision, id, type, body: Buffer.from(body).toString('utf8') };
}
