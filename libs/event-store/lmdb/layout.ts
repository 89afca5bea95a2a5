import type { EncodedEvent, EventId, StoredEvent, StreamName } from '#kernel';

/**
 * How events lie on disk: one LMDB table with binary keys, big-endian so that the order of bytes is the order of numbers.
 *
 * | key                                        | value                                                           |
 * |--------------------------------------------|-----------------------------------------------------------------|
 * | 01 name                                    | `format` (u32), `storeId` (16 random bytes)                     |
 * | 02 stream name                             | stream number (u32)                                             |
 * | 03 stream number (u32), first revision (u48) | first position (u48), events (u16): one entry per append      |
 * | 04 stream number (u32)                     | stream name                                                     |
 * | 05 first position (u48)                    | stream number (u32), first revision (u48), events (u16), events |
 *
 * An event is its id (16 bytes), length of its type (u16), length of its body (u32), type, body. Positions count from 1
 * without gaps over all streams, so an append of n events owns n consecutive positions and one record: a batch costs two
 * puts, however many events it has. Records have the largest keys, so that the log grows at the end of the tree.
 */
export const FORMAT_VERSION = 1;

const META = 0x01;
const NUMBER_BY_NAME = 0x02;
const APPEND_OF_STREAM = 0x03;
const NAME_BY_NUMBER = 0x04;
const RECORD = 0x05;

export const RECORD_HEADER_BYTES = 12;
const EVENT_HEADER_BYTES = 22;
export const INDEX_VALUE_BYTES = 8;
const ID_BYTES = 16;

export function metaKey(name: 'format' | 'storeId'): Buffer {
  return textKey(META, name);
}

export function numberByNameKey(stream: string): Buffer {
  return textKey(NUMBER_BY_NAME, stream);
}

/** The smallest key that is larger than every stream name's. */
export const NUMBER_BY_NAME_END = Buffer.from([NUMBER_BY_NAME + 1]);

export function nameOfKey(key: Uint8Array): StreamName {
  return Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString() as StreamName;
}

export function nameByNumberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = NAME_BY_NUMBER;
  key.writeUInt32BE(number, 1);
  return key;
}

export function numberOfKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(1);
}

export function appendKey(stream: number, firstRevision: number): Buffer {
  const key = Buffer.allocUnsafe(11);
  key[0] = APPEND_OF_STREAM;
  key.writeUInt32BE(stream, 1);
  key.writeUIntBE(firstRevision, 5, 6);
  return key;
}

export function recordKey(firstPosition: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key[0] = RECORD;
  key.writeUIntBE(firstPosition, 1, 6);
  return key;
}

export const RECORDS_START = Buffer.from([RECORD]);
export const RECORDS_END = Buffer.from([RECORD + 1]);

/** One append of a stream, as the stream's index tells it. */
export interface AppendEntry {
  readonly firstRevision: number;
  readonly firstPosition: number;
  readonly events: number;
}

export function readAppendEntry(key: Uint8Array, value: Uint8Array): AppendEntry {
  const from = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const to = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { firstRevision: from.readUIntBE(5, 6), firstPosition: to.readUIntBE(0, 6), events: to.readUInt16BE(6) };
}

/** Writes an index value into `target` and returns where the next thing goes. */
export function writeIndexValue(target: Buffer, at: number, firstPosition: number, events: number): number {
  target.writeUIntBE(firstPosition, at, 6);
  return target.writeUInt16BE(events, at + 6);
}

export function recordBytes(events: readonly EncodedEvent[]): number {
  let bytes = RECORD_HEADER_BYTES;
  for (const event of events) bytes += EVENT_HEADER_BYTES + Buffer.byteLength(event.type) + event.body.length;
  return bytes;
}

/** Writes a record into `target` and returns where the next thing goes. */
export function writeRecord(
  target: Buffer,
  start: number,
  stream: number,
  firstRevision: number,
  events: readonly EncodedEvent[],
): number {
  target.writeUInt32BE(stream, start);
  target.writeUIntBE(firstRevision, start + 4, 6);
  let at = target.writeUInt16BE(events.length, start + 10);
  for (const event of events) {
    writeId(target, at, event.id);
    const typeAt = at + EVENT_HEADER_BYTES;
    const typeBytes = target.write(event.type, typeAt);
    target.writeUInt16BE(typeBytes, at + ID_BYTES);
    target.writeUInt32BE(event.body.length, at + ID_BYTES + 2);
    target.set(event.body, typeAt + typeBytes);
    at = typeAt + typeBytes + event.body.length;
  }
  return at;
}

/** Reads the events of one record, one after the other; bodies share the record's memory. */
export class RecordReader {
  readonly stream: number;
  readonly firstRevision: number;
  readonly events: number;
  readonly #bytes: Buffer;
  #at = RECORD_HEADER_BYTES;
  #index = 0;

  constructor(
    record: Uint8Array,
    readonly firstPosition: number,
  ) {
    this.#bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    this.stream = this.#bytes.readUInt32BE(0);
    this.firstRevision = this.#bytes.readUIntBE(4, 6);
    this.events = this.#bytes.readUInt16BE(10);
  }

  get lastPosition(): number {
    return this.firstPosition + this.events - 1;
  }

  /** Goes to the event with this index. */
  seek(index: number): void {
    if (index < this.#index) {
      this.#at = RECORD_HEADER_BYTES;
      this.#index = 0;
    }
    for (; this.#index < index; this.#index += 1) this.#at = this.#bodyAt() + this.#bodyBytes();
  }

  /** The event that was sought, and on to the one behind it. */
  next(stream: StreamName): StoredEvent {
    const bodyAt = this.#bodyAt();
    const bodyEnd = bodyAt + this.#bodyBytes();
    const event = {
      id: this.id(),
      type: this.#bytes.toString('utf8', this.#at + EVENT_HEADER_BYTES, bodyAt),
      body: this.#bytes.subarray(bodyAt, bodyEnd),
      stream,
      revision: BigInt(this.firstRevision + this.#index),
      position: BigInt(this.firstPosition + this.#index),
    };
    this.#at = bodyEnd;
    this.#index += 1;
    return event;
  }

  id(): EventId {
    const hex = this.#bytes.toString('hex', this.#at, this.#at + ID_BYTES);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as EventId;
  }

  #bodyAt(): number {
    return this.#at + EVENT_HEADER_BYTES + this.#bytes.readUInt16BE(this.#at + ID_BYTES);
  }

  #bodyBytes(): number {
    return this.#bytes.readUInt32BE(this.#at + ID_BYTES + 2);
  }
}

function textKey(kind: number, text: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  key[0] = kind;
  key.write(text, 1);
  return key;
}

function writeId(target: Buffer, at: number, id: string): void {
  target.write(id.replaceAll('-', ''), at, ID_BYTES, 'hex');
}
