import type { EventStoreReader } from '#event-store';
import { openLmdbEventStoreReader } from '#event-store/lmdb';

/** One event as it lies in the record, read without the platform's own codecs: plain JSON. */
export interface RecordedEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly type: string;
  readonly atMs: number;
  readonly data: Json;
}

export type Json = Readonly<Record<string, unknown>>;

export function text(data: Json, name: string): string {
  const value = data[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is no text in ${JSON.stringify(data)}`);
  return value;
}

export function number(data: Json, name: string): number {
  const value = data[name];
  if (typeof value !== 'number') throw new TypeError(`${name} is no number in ${JSON.stringify(data)}`);
  return value;
}

/** Amounts are stored as decimal strings. */
export function amount(data: Json, name: string): bigint {
  return BigInt(text(data, name));
}

export function object(data: Json, name: string): Json {
  const value = data[name];
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`${name} is no object in ${JSON.stringify(data)}`);
  return value as Json;
}

/** The events of all ledgers that were recorded after a position, in their order. */
export async function* eventsOfLedgers(
  reader: Pick<EventStoreReader, 'readAll'>,
  after: bigint,
): AsyncIterable<RecordedEvent> {
  for await (const { stream, revision, position, type, body } of reader.readAll({
    after,
    streamPrefixes: ['ledger-'],
  })) {
    const { at, data } = JSON.parse(Buffer.from(body).toString('utf8')) as { at: string; data: Json };
    yield { stream, revision, position, type, atMs: Date.parse(at), data };
  }
}

/** Reads the embedded record. Nobody may be writing. */
export async function readLedgers(directory: string, after: bigint): Promise<RecordedEvent[]> {
  const reader = openLmdbEventStoreReader(directory);
  try {
    const events: RecordedEvent[] = [];
    for await (const event of eventsOfLedgers(reader, after)) events.push(event);
    return events;
  } finally {
    await reader.close();
  }
}
