import type { Database } from 'lmdb';
import type { StoredEvent, StreamName } from '#kernel';
import { matchesPrefix, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, type Page } from '../page';
import { BoundedMap } from './bounded-map';
import {
  type AppendEntry,
  appendKey,
  NUMBER_BY_NAME_END,
  nameByNumberKey,
  nameOfKey,
  numberByNameKey,
  numberOfKey,
  RECORDS_END,
  RECORDS_START,
  RecordReader,
  readAppendEntry,
  recordKey,
} from './layout';

export type Table = Database<Uint8Array, Uint8Array>;

/** About 150 bytes each. */
const STREAM_NAMES_CACHED_MAX = 50_000;
const NAMES_PAGE_MAX = 1_000;

/** The directory holds something that this program never writes: a bug or damage, never an empty answer. */
export class DamagedStoreError extends Error {
  override readonly name = 'DamagedStoreError';
}

/** Which part of a stream a page gives. */
export interface StreamPageRequest {
  readonly from: number;
  readonly backwards: boolean;
  readonly eventsMax: number;
}

/**
 * Reads the log, synchronously and in bounded pages: LMDB cannot reuse a page that an open read still sees, so no read
 * transaction may stay open while a caller works. Serves the appending process and read-only worker threads alike.
 */
export class EventLog {
  readonly #names = new BoundedMap<number, StreamName>(STREAM_NAMES_CACHED_MAX);

  constructor(private readonly table: Table) {}

  /** Makes the next read see every commit up to now, other threads' too. */
  refresh(): void {
    this.table.resetReadTxn();
  }

  /** 0 when there is no event. */
  lastPosition(): number {
    for (const { key, value } of this.table.getRange({
      start: RECORDS_END,
      end: RECORDS_START,
      reverse: true,
      limit: 1,
    }))
      return readRecord(key, value).lastPosition;
    return 0;
  }

  streamNumber(stream: StreamName): number | undefined {
    const value = this.table.getBinary(numberByNameKey(stream));
    return value === undefined ? undefined : Buffer.from(value).readUInt32BE(0);
  }

  /** -1 when no stream was ever made. */
  lastStreamNumber(): number {
    const start = RECORDS_START;
    for (const key of this.table.getKeys({
      start,
      end: nameByNumberKey(0),
      inclusiveEnd: true,
      reverse: true,
      limit: 1,
    }))
      return numberOfKey(key);
    return -1;
  }

  /** The stream's last revision; -1 when it has no event. */
  head(stream: number): number {
    const entry = this.#entryAtOrBefore(stream, Number.MAX_SAFE_INTEGER);
    return entry === undefined ? -1 : entry.firstRevision + entry.events - 1;
  }

  /** The ids from one revision to another, both inclusive and existing. */
  idsOf(stream: number, from: number, to: number): string[] {
    const ids: string[] = [];
    let entry = this.#entryAtOrBefore(stream, from);
    while (entry !== undefined && ids.length <= to - from) {
      const record = this.#recordOf(entry);
      const next = from + ids.length;
      const last = Math.min(to, entry.firstRevision + entry.events - 1);
      for (let revision = next; revision <= last; revision += 1) {
        record.seek(revision - entry.firstRevision);
        ids.push(record.id());
      }
      entry = last < to ? this.#entryAtOrBefore(stream, last + 1) : undefined;
    }
    return ids;
  }

  positionOf(stream: number, revision: number): number {
    const entry = this.#entryAtOrBefore(stream, revision);
    if (entry === undefined) throw new DamagedStoreError(`revision ${revision} of stream ${stream} is missing`);
    return entry.firstPosition + revision - entry.firstRevision;
  }

  /** A piece of one stream; empty only when nothing follows. */
  readStreamPage(number: number, stream: StreamName, request: StreamPageRequest): StoredEvent[] {
    const events: StoredEvent[] = [];
    const eventsMax = Math.min(request.eventsMax, PAGE_EVENTS_MAX);
    let bytes = 0;
    for (const entry of this.#entriesFrom(number, request.from, request.backwards)) {
      const last = entry.firstRevision + entry.events - 1;
      const step = request.backwards ? -1 : 1;
      let revision = request.backwards ? Math.min(request.from, last) : Math.max(request.from, entry.firstRevision);
      if (revision > last) continue;
      const record = this.#recordOf(entry);
      for (; revision >= entry.firstRevision && revision <= last; revision += step) {
        record.seek(revision - entry.firstRevision);
        const event = record.next(stream);
        events.push(event);
        bytes += event.body.length;
        if (events.length >= eventsMax || bytes >= PAGE_BYTES_MAX) return events;
      }
    }
    return events;
  }

  /** A piece of the whole order. Streams that do not match are passed over without decoding their events. */
  readPage(after: number, prefixes: readonly string[] | undefined): Page {
    const events: StoredEvent[] = [];
    let reached = after;
    let bytes = 0;
    for (const { key, value } of this.table.getRange({
      start: this.#recordKeyAtOrBefore(after + 1),
      end: RECORDS_END,
    })) {
      const record = readRecord(key, value);
      if (record.lastPosition <= after) continue;
      const stream = this.streamName(record.stream);
      bytes += value.length;
      let position = Math.max(reached + 1, record.firstPosition);
      if (matchesPrefix(stream, prefixes)) {
        record.seek(position - record.firstPosition);
        for (; position <= record.lastPosition && position - after <= PAGE_EVENTS_MAX; position += 1)
          events.push(record.next(stream));
        reached = position - 1;
      } else reached = record.lastPosition;
      if (reached - after >= PAGE_EVENTS_MAX || bytes >= PAGE_BYTES_MAX) return this.#page(events, reached, false);
    }
    return this.#page(events, reached, true);
  }

  streamName(number: number): StreamName {
    const known = this.#names.get(number);
    if (known !== undefined) return known;
    const value = this.table.getBinary(nameByNumberKey(number));
    if (value === undefined) throw new DamagedStoreError(`stream ${number} has no name`);
    const name = Buffer.from(value).toString() as StreamName;
    this.#names.set(number, name);
    return name;
  }

  /** Stream names after one name, in the order of their bytes; empty when there are no more. */
  streamNamesPage(prefix: string, after: StreamName | undefined): StreamName[] {
    const start = numberByNameKey(after ?? prefix);
    const names: StreamName[] = [];
    const range = { start, end: NUMBER_BY_NAME_END, exclusiveStart: after !== undefined, limit: NAMES_PAGE_MAX };
    for (const key of this.table.getKeys(range)) {
      const name = nameOfKey(key);
      if (!name.startsWith(prefix)) break;
      names.push(name);
    }
    return names;
  }

  #page(events: StoredEvent[], reached: number, atEnd: boolean): Page {
    return { events, reached: BigInt(reached), atEnd };
  }

  #recordOf(entry: AppendEntry): RecordReader {
    const record = this.table.getBinary(recordKey(entry.firstPosition));
    if (record === undefined) throw new DamagedStoreError(`the record at position ${entry.firstPosition} is missing`);
    return new RecordReader(record, entry.firstPosition);
  }

  #recordKeyAtOrBefore(position: number): Uint8Array {
    const start = recordKey(position);
    for (const key of this.table.getKeys({ start, end: RECORDS_START, reverse: true, limit: 1 })) return key;
    return start;
  }

  #entryAtOrBefore(stream: number, revision: number): AppendEntry | undefined {
    for (const entry of this.#entriesFrom(stream, revision, true)) return entry;
    return undefined;
  }

  /** The appends of a stream from the one that holds a revision on. */
  *#entriesFrom(stream: number, revision: number, backwards: boolean): Generator<AppendEntry> {
    const first = appendKey(stream, 0);
    const at = appendKey(stream, Math.min(revision, REVISION_MAX));
    if (backwards) {
      for (const { key, value } of this.table.getRange({ start: at, end: first, inclusiveEnd: true, reverse: true }))
        yield readAppendEntry(key, value);
      return;
    }
    let start: Uint8Array = at;
    for (const key of this.table.getKeys({ start: at, end: first, inclusiveEnd: true, reverse: true, limit: 1 }))
      start = key;
    for (const { key, value } of this.table.getRange({ start, end: appendKey(stream + 1, 0) }))
      yield readAppendEntry(key, value);
  }
}

/** Revisions and positions are 48-bit numbers. */
const REVISION_MAX = 2 ** 48 - 1;

function readRecord(key: Uint8Array, value: Uint8Array): RecordReader {
  return new RecordReader(value, Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUIntBE(1, 6));
}
