import type { Database } from 'lmdb';

/**
 * What LMDB holds of a key store; nothing of it is secret.
 *
 * | key        | value                                                                                      |
 * |------------|--------------------------------------------------------------------------------------------|
 * | 01 name    | `format` (u32), `generation` of the master key (u32), `check`: a known key wrapped under it |
 * | 01 `slots` | how many slots were ever given out (u32)                                                   |
 * | 02 subject | 01 and the slot (u32) of each version, oldest first; or 02: erased                          |
 */
export const FORMAT_VERSION = 1;

const META = 0x01;
const SUBJECT = 0x02;
const ACTIVE = 0x01;
const ERASED = 0x02;

export type Table = Database<Uint8Array, Uint8Array>;
type Counter = 'format' | 'generation' | 'slots';

export type SubjectRecord =
  | { readonly state: 'active'; readonly slots: readonly number[] }
  | { readonly state: 'erased'; readonly slots: readonly [] };

/** Reads and writes the table's records. Writes belong inside a transaction. */
export class KeyIndex {
  constructor(readonly table: Table) {}

  isEmpty(): boolean {
    for (const _ of this.table.getKeys({ limit: 1 })) return false;
    return true;
  }

  /** 0 when it was never written. */
  counter(name: Counter): number {
    const value = this.table.getBinary(textKey(META, name));
    return value === undefined ? 0 : Buffer.from(value).readUInt32BE(0);
  }

  setCounter(name: Counter, count: number): void {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(count);
    this.table.putSync(textKey(META, name), value);
  }

  check(): Uint8Array | undefined {
    return this.table.getBinary(textKey(META, 'check'));
  }

  setCheck(wrapped: Uint8Array): void {
    this.table.putSync(textKey(META, 'check'), wrapped);
  }

  subject(subject: string): SubjectRecord | undefined {
    const value = this.table.getBinary(textKey(SUBJECT, subject));
    return value === undefined ? undefined : decode(value);
  }

  setSubject(subject: string, record: SubjectRecord): void {
    const value = Buffer.alloc(1 + 4 * record.slots.length);
    value[0] = record.state === 'active' ? ACTIVE : ERASED;
    for (const [index, slot] of record.slots.entries()) value.writeUInt32BE(slot, 1 + 4 * index);
    this.table.putSync(textKey(SUBJECT, subject), value);
  }

  *subjects(): Generator<{ subject: string; record: SubjectRecord }> {
    for (const { key, value } of this.table.getRange({
      start: Buffer.from([SUBJECT]),
      end: Buffer.from([SUBJECT + 1]),
    }))
      yield { subject: Buffer.from(key).toString('utf8', 1), record: decode(value) };
  }
}

function decode(value: Uint8Array): SubjectRecord {
  if (value[0] === ERASED) return { state: 'erased', slots: [] };
  const bytes = Buffer.from(value);
  const slots = Array.from({ length: (value.length - 1) / 4 }, (_, index) => bytes.readUInt32BE(1 + 4 * index));
  return { state: 'active', slots };
}

function textKey(kind: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([kind]), Buffer.from(text)]);
}
