import { randomUUID } from 'node:crypto';

/** One record of the server's transaction log. */
export interface LogRecord extends ProposedRecord {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  /** In units of 100 ns since 1970, as the server counts. */
  readonly createdTicks: bigint;
}

export interface ProposedRecord {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export type ExpectedVersion = bigint | 'any' | 'no-stream' | 'stream-exists';

export type WriteOutcome =
  | { readonly kind: 'written'; readonly revision: bigint; readonly position: bigint }
  /** -1n: the stream has no event. */
  | { readonly kind: 'wrong-expected-version'; readonly current: bigint }
  | { readonly kind: 'deleted' };

export type StreamView =
  | { readonly kind: 'readable'; readonly records: readonly LogRecord[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'deleted' };

/** A position that is no record's. */
export class NoRecordBoundaryError extends Error {
  override readonly name = 'NoRecordBoundaryError';
}

export const NO_REVISION = -1n;
/** Written as `truncateBefore` by a soft delete, and as revision by a tombstone. */
const END_OF_TIME = 9_223_372_036_854_775_807n;
/** Where the first event stands in a new database: the server's own epoch record comes first. */
const FIRST_POSITION = 733n;
const RECORD_BYTES_MIN = 77;
const TICKS_PER_S = 10_000_000n;
const RECENT_EVENTS_MAX = 100_000;

interface StreamState {
  readonly records: LogRecord[];
  tombstoned: boolean;
}

interface StreamMetadata {
  readonly truncateBefore: bigint;
  readonly maxCount: number;
  /** Records from before this are not shown. */
  readonly createdTicksMin: bigint;
}

/** The server's log and its rules for writing, in memory. */
export class RecordLog {
  #records: LogRecord[] = [];
  #end = FIRST_POSITION;
  readonly #streams = new Map<string, StreamState>();
  /** Ids of recent events, by which repeats under `any` are known; lost at a restart. */
  readonly #recent = new Map<string, LogRecord>();
  /** Positions whose records were scavenged; reading may still begin there. */
  readonly #scavenged = new Set<bigint>();
  readonly #listeners = new Set<(record: LogRecord) => void>();

  constructor() {
    this.append('$$$scavenges', 'any', [metadataRecord('{"$maxAge":2592000}')]);
  }

  get records(): readonly LogRecord[] {
    return this.#records;
  }

  onAppended(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  append(stream: string, expected: ExpectedVersion, proposed: readonly ProposedRecord[]): WriteOutcome {
    const decision = this.#decide(stream, expected, proposed);
    if (decision !== 'write') return decision;
    if (proposed.length === 0) {
      // The server writes an empty transaction: it takes room in the log and makes no event.
      const position = this.#end;
      this.#end += BigInt(RECORD_BYTES_MIN + stream.length);
      return { kind: 'written', revision: this.#head(stream) + 1n, position };
    }
    const revived = this.#isSoftDeleted(stream);
    let last: LogRecord | undefined;
    const first = this.#head(stream) + 1n;
    for (const record of proposed) last = this.#write(stream, record);
    if (revived) this.append(`$$${stream}`, 'any', [metadataRecord(`{"$tb":${first}}`)]);
    if (last === undefined) throw new Error('an append writes at least one record');
    return { kind: 'written', revision: last.revision, position: last.position };
  }

  /** Hides the stream; its revisions continue when it is written to again. */
  softDelete(stream: string, expected: ExpectedVersion): WriteOutcome {
    const decision = this.#decide(stream, expected, []);
    if (decision !== 'write') return decision;
    return this.append(`$$${stream}`, 'any', [metadataRecord(`{"$tb":${END_OF_TIME}}`)]);
  }

  tombstone(stream: string, expected: ExpectedVersion): WriteOutcome {
    const decision = this.#decide(stream, expected, []);
    if (decision !== 'write') return decision;
    const record = this.#write(stream, systemRecord('$streamDeleted', ''), END_OF_TIME);
    this.#state(stream).tombstoned = true;
    return { kind: 'written', revision: record.revision, position: record.position };
  }

  view(stream: string): StreamView {
    const state = this.#streams.get(stream);
    if (state?.tombstoned === true) return { kind: 'deleted' };
    if (state === undefined || state.records.length === 0 || this.#isSoftDeleted(stream)) return { kind: 'missing' };
    return { kind: 'readable', records: this.#visible(stream, state) };
  }

  /** Index of the first record at or after a position. @throws NoRecordBoundaryError */
  indexFrom(position: bigint): number {
    let index = 0;
    for (let end = this.#records.length; index < end; ) {
      const middle = (index + end) >> 1;
      if ((this.#records[middle]?.position ?? 0n) < position) index = middle + 1;
      else end = middle;
    }
    if (index === this.#records.length) return index;
    if (this.#records[index]?.position !== position && !this.#scavenged.has(position))
      throw new NoRecordBoundaryError(`no record stands at ${position}`);
    return index;
  }

  /** Drops for good what streams no longer show. */
  scavenge(): void {
    const kept = new Set<LogRecord>();
    for (const [stream, state] of this.#streams)
      for (const record of state.tombstoned ? state.records.slice(-1) : this.#visible(stream, state)) kept.add(record);
    for (const record of this.#records) if (!kept.has(record)) this.#scavenged.add(record.position);
    this.#records = this.#records.filter((record) => kept.has(record));
  }

  forgetRecent(): void {
    this.#recent.clear();
  }

  /** Goes back to the first so many records, as a restored backup would. */
  truncate(length: number): void {
    const kept = this.#records.slice(0, length);
    this.#records = [];
    this.#streams.clear();
    this.#recent.clear();
    for (const record of kept) this.#index(record);
    this.#end = this.#endAfter(kept.at(-1));
  }

  #decide(stream: string, expected: ExpectedVersion, proposed: readonly ProposedRecord[]): WriteOutcome | 'write' {
    if (this.#streams.get(stream)?.tombstoned === true) return { kind: 'deleted' };
    const head = this.#head(stream);
    const wrong = { kind: 'wrong-expected-version', current: head } as const;
    if (expected === 'any' || expected === 'stream-exists')
      return expected === 'stream-exists' && head === NO_REVISION ? wrong : this.#repeatOfAny(stream, proposed, wrong);
    const version = expected === 'no-stream' ? NO_REVISION : expected;
    if (version === head) return 'write';
    if (version > head) return wrong;
    if (expected === 'no-stream' && this.#isSoftDeleted(stream)) return 'write';
    return this.#repeatAt(stream, version, proposed) ?? wrong;
  }

  #repeatOfAny(stream: string, proposed: readonly ProposedRecord[], wrong: WriteOutcome): WriteOutcome | 'write' {
    const known = proposed.map((record) => this.#recent.get(record.id));
    const last = known.at(-1);
    if (known[0]?.stream !== stream) return 'write';
    if (last === undefined || known.some((record) => record?.stream !== stream)) return wrong;
    return { kind: 'written', revision: last.revision, position: last.position };
  }

  #repeatAt(stream: string, version: bigint, proposed: readonly ProposedRecord[]): WriteOutcome | undefined {
    // Revisions have no gaps, and a scavenge leaves a stream's own list as it was.
    const first = Number(version + 1n);
    const standing = this.#state(stream).records.slice(first, first + proposed.length);
    const last = standing.at(-1);
    if (last === undefined || standing.length < proposed.length) return undefined;
    if (!proposed.every((record, index) => record.id === standing[index]?.id)) return undefined;
    return { kind: 'written', revision: last.revision, position: last.position };
  }

  #write(stream: string, proposed: ProposedRecord, revision = this.#head(stream) + 1n): LogRecord {
    const record = { ...proposed, stream, revision, position: this.#end, createdTicks: ticksNow() };
    this.#index(record);
    this.#end = this.#endAfter(record);
    for (const listener of [...this.#listeners]) listener(record);
    return record;
  }

  #index(record: LogRecord): void {
    this.#records.push(record);
    const state = this.#state(record.stream);
    state.records.push(record);
    state.tombstoned = record.revision === END_OF_TIME;
    this.#recent.set(record.id, record);
    if (this.#recent.size > RECENT_EVENTS_MAX) {
      const [oldest] = this.#recent.keys();
      if (oldest !== undefined) this.#recent.delete(oldest);
    }
  }

  /** Records are as long as what they hold, so positions are sparse. */
  #endAfter(record: LogRecord | undefined): bigint {
    if (record === undefined) return FIRST_POSITION;
    const bytes = record.data.length + record.metadata.length + Buffer.byteLength(record.stream) + record.type.length;
    return record.position + BigInt(RECORD_BYTES_MIN + bytes);
  }

  #state(stream: string): StreamState {
    let state = this.#streams.get(stream);
    if (state === undefined) {
      state = { records: [], tombstoned: false };
      this.#streams.set(stream, state);
    }
    return state;
  }

  #head(stream: string): bigint {
    return this.#streams.get(stream)?.records.at(-1)?.revision ?? NO_REVISION;
  }

  #visible(stream: string, state: StreamState): readonly LogRecord[] {
    const metadata = this.#metadata(stream);
    if (metadata === undefined) return state.records;
    const { truncateBefore, maxCount, createdTicksMin } = metadata;
    return state.records
      .slice(-maxCount)
      .filter((record) => record.revision >= truncateBefore && record.createdTicks >= createdTicksMin);
  }

  #isSoftDeleted(stream: string): boolean {
    return this.#metadata(stream)?.truncateBefore === END_OF_TIME;
  }

  #metadata(stream: string): StreamMetadata | undefined {
    const written = this.#streams.get(`$$${stream}`)?.records.at(-1);
    if (written === undefined) return undefined;
    const text = Buffer.from(written.data).toString();
    // Read by pattern: the largest revision is no exact number in JSON.
    const truncateBefore = /"\$tb":\s*(\d+)/.exec(text)?.[1];
    const maxCount = /"\$maxCount":\s*(\d+)/.exec(text)?.[1];
    const maxAgeS = /"\$maxAge":\s*(\d+)/.exec(text)?.[1];
    return {
      truncateBefore: BigInt(truncateBefore ?? 0),
      maxCount: maxCount === undefined ? Number.MAX_SAFE_INTEGER : Number(maxCount),
      createdTicksMin: maxAgeS === undefined ? 0n : ticksNow() - BigInt(maxAgeS) * TICKS_PER_S,
    };
  }
}

function ticksNow(): bigint {
  return BigInt(Date.now()) * 10_000n;
}

function metadataRecord(json: string): ProposedRecord {
  return systemRecord('$metadata', json);
}

function systemRecord(type: string, json: string): ProposedRecord {
  return { id: randomUUID(), type, isJson: json !== '', data: Buffer.from(json), metadata: new Uint8Array() };
}
