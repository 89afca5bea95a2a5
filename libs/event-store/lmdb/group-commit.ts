import { types } from 'node:util';
import type { EncodedEvent, StreamName } from '#kernel';
import { mayFollow, repeatedRange, sameIds, wrongExpectedRevision } from '../append-decision';
import type { Committed } from '../in-process-subscription';
import { AppendOutcomeUnknownError, type AppendResult, type ExpectedRevision, StoreUnavailableError } from '../port';
import { BoundedMap } from './bounded-map';
import type { EventLog, Table } from './event-log';
import {
  appendKey,
  INDEX_VALUE_BYTES,
  nameByNumberKey,
  numberByNameKey,
  recordBytes,
  recordKey,
  writeIndexValue,
  writeRecord,
} from './layout';

/** Bodies that may wait for the disk; beyond it appends are refused, so that a stalled disk cannot fill the memory. */
const QUEUE_BYTES_MAX = 64_000_000;
/** What a waiting append takes besides its bodies. */
const QUEUED_APPEND_BYTES = 500;
/** One flush: enough to saturate a disk, little enough to be encoded without holding up the event loop. */
const GROUP_BYTES_MAX = 2_000_000;
/** About 200 bytes each. */
const STREAM_HEADS_CACHED_MAX = 50_000;

interface WaitingAppend {
  readonly stream: StreamName;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
  readonly bytes: number;
  resolve(result: AppendResult): void;
  reject(error: unknown): void;
}

interface StreamState {
  /** `undefined` until the stream's first event. */
  number: number | undefined;
  /** Last revision on disk; -1 for none. */
  head: number;
  /** Last revision with the group that is being made. */
  next: number;
}

interface Write {
  readonly append: WaitingAppend;
  readonly state: StreamState;
  readonly number: number;
  readonly isNewStream: boolean;
  readonly firstRevision: number;
  readonly firstPosition: number;
}

interface Put {
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Group {
  readonly firstPosition: number;
  readonly writes: Write[];
  readonly states: Map<StreamName, StreamState>;
  bytes: number;
}

export interface GroupCommitHooks {
  onCommitted(committed: Committed): void;
  /** Nothing more can be promised: the process must end. Tests put something else here. */
  onFatal(sentence: string): void;
}

/**
 * The only writer. Appends wait while a flush is under way and then share the next one: one transaction, one sync.
 *
 * Expected revisions are decided against heads kept in memory, and the transaction verifies all of them at once: it
 * writes only if no record stands yet where the group's first one goes. Every append of every stream adds a record
 * there, so when that place is free, no stream has moved since its head was read. When it is taken, somebody else wrote
 * to the directory in spite of the lock, and the process ends rather than mix two histories.
 *
 * A conflict with an append of the same group is answered only after the flush, when what it conflicts with can be read.
 */
export class GroupCommit {
  #queue: WaitingAppend[] = [];
  #queueBytes = 0;
  #lastPosition: number;
  #nextStreamNumber: number;
  #running: Promise<void> | undefined;
  #failure: string | undefined;
  /** Values lie in one reused buffer: only one flush is under way at any time, and LMDB copies from it. */
  #slab = Buffer.allocUnsafeSlow(256 * 1024);
  readonly #states = new BoundedMap<StreamName, StreamState>(STREAM_HEADS_CACHED_MAX);

  constructor(
    private readonly table: Table,
    private readonly log: EventLog,
    private readonly hooks: GroupCommitHooks,
  ) {
    this.#lastPosition = log.lastPosition();
    this.#nextStreamNumber = log.lastStreamNumber() + 1;
  }

  /** Position of the last durable event. */
  get lastPosition(): number {
    return this.#lastPosition;
  }

  append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) throw new StoreUnavailableError(this.#failure);
      const bytes = recordBytes(events);
      if (this.#queueBytes + bytes > QUEUE_BYTES_MAX)
        throw new StoreUnavailableError('too many appends wait for the disk; nothing was written, try again later');
      this.#queue.push({ stream, expected, events, bytes, resolve, reject });
      this.#queueBytes += bytes + QUEUED_APPEND_BYTES;
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever is appended in the same breath shares the first flush.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      if (group.writes.length > 0) await this.#commit(group);
    }
    this.#running = undefined;
  }

  #takeGroup(): Group {
    const waiting = this.#queue;
    const later: WaitingAppend[] = [];
    const group: Group = { firstPosition: this.#lastPosition + 1, writes: [], states: new Map(), bytes: 0 };
    let position = group.firstPosition;
    let taken = 0;
    for (; taken < waiting.length && group.bytes < GROUP_BYTES_MAX; taken += 1) {
      const append = waiting[taken];
      if (append === undefined) break;
      try {
        const state = group.states.get(append.stream) ?? this.#stateOf(append.stream);
        if (mayFollow(append.expected, BigInt(state.next))) {
          this.#addWrite(group, append, state, position);
          position += append.events.length;
        } else if (state.next !== state.head) later.push(append);
        else this.#settleConflict(append, state);
      } catch (error) {
        // What cannot be read about one stream must not keep the others waiting.
        this.#queueBytes -= append.bytes + QUEUED_APPEND_BYTES;
        append.reject(error);
      }
    }
    this.#queue = taken === waiting.length ? later : [...later, ...waiting.slice(taken)];
    return group;
  }

  #addWrite(group: Group, append: WaitingAppend, state: StreamState, firstPosition: number): void {
    const isNewStream = state.number === undefined;
    const number = state.number ?? this.#nextStreamNumber++;
    group.writes.push({ append, state, number, isNewStream, firstRevision: state.next + 1, firstPosition });
    group.bytes += append.bytes + INDEX_VALUE_BYTES + (isNewStream ? 4 + Buffer.byteLength(append.stream) : 0);
    group.states.set(append.stream, state);
    state.number = number;
    state.next += append.events.length;
  }

  async #commit(group: Group): Promise<void> {
    let failure: string | undefined;
    try {
      const puts = this.#encode(group);
      const free = await this.table.ifNoExists(recordKey(group.firstPosition), () => {
        for (const { key, value } of puts) void this.table.put(key, value);
      });
      if (!free) failure = 'another process has written to it';
    } catch (error) {
      failure = await causeOf(error);
    }
    if (failure === undefined) this.#settle(group);
    else this.#fail(group, failure);
  }

  /** Everything is encoded before the transaction begins, so that no error can leave half of it in there. */
  #encode(group: Group): Put[] {
    if (group.bytes > this.#slab.length) this.#slab = Buffer.allocUnsafeSlow(group.bytes);
    const slab = this.#slab;
    const puts: Put[] = [];
    let at = 0;
    const add = (key: Buffer, end: number): void => {
      puts.push({ key, value: slab.subarray(at, end) });
      at = end;
    };
    for (const { append, number, isNewStream, firstRevision, firstPosition } of group.writes) {
      if (isNewStream) {
        add(numberByNameKey(append.stream), slab.writeUInt32BE(number, at));
        add(nameByNumberKey(number), at + slab.write(append.stream, at));
      }
      add(recordKey(firstPosition), writeRecord(slab, at, number, firstRevision, append.events));
      add(appendKey(number, firstRevision), writeIndexValue(slab, at, firstPosition, append.events.length));
    }
    return puts;
  }

  #settle(group: Group): void {
    for (const [stream, state] of group.states) {
      state.head = state.next;
      this.#states.set(stream, state);
    }
    for (const { append, firstRevision, firstPosition } of group.writes) {
      const more = append.events.length - 1;
      this.#lastPosition = firstPosition + more;
      this.#queueBytes -= append.bytes + QUEUED_APPEND_BYTES;
      append.resolve({ revision: BigInt(firstRevision + more), position: BigInt(firstPosition + more) });
    }
    this.hooks.onCommitted({
      after: BigInt(group.firstPosition - 1),
      reached: BigInt(this.#lastPosition),
      streams: [...group.states.keys()],
    });
  }

  #settleConflict(append: WaitingAppend, state: StreamState): void {
    const original = this.#originalResult(append, state);
    this.#queueBytes -= append.bytes + QUEUED_APPEND_BYTES;
    if (original === undefined)
      append.reject(wrongExpectedRevision(append.stream, append.expected, BigInt(state.head)));
    else append.resolve(original);
  }

  #originalResult(append: WaitingAppend, state: StreamState): AppendResult | undefined {
    const range = repeatedRange(append.expected, BigInt(state.head), append.events);
    if (range === undefined || state.number === undefined) return undefined;
    this.log.refresh();
    const last = Number(range.last);
    const ids = this.log.idsOf(state.number, Number(range.first), last);
    if (!sameIds(append.events, ids)) return undefined;
    return { revision: range.last, position: BigInt(this.log.positionOf(state.number, last)) };
  }

  #stateOf(stream: StreamName): StreamState {
    const known = this.#states.get(stream);
    if (known !== undefined) return known;
    this.log.refresh();
    const number = this.log.streamNumber(stream);
    const head = number === undefined ? -1 : this.log.head(number);
    const state = { number, head, next: head };
    if (number !== undefined) this.#states.set(stream, state);
    return state;
  }

  /** A failed sync is never tried again: the kernel may have dropped the pages and would report success. */
  #fail(group: Group, cause: string): void {
    this.#failure = `the event store can no longer write: ${cause}`;
    for (const { append } of group.writes) append.reject(new AppendOutcomeUnknownError(this.#failure));
    for (const append of this.#queue) append.reject(new StoreUnavailableError(this.#failure));
    this.#queue = [];
    this.hooks.onFatal(this.#failure);
  }
}

/** LMDB rejects with a general error whose `commitError` tells the cause. */
async function causeOf(error: unknown): Promise<string> {
  if (!types.isNativeError(error)) return String(error);
  if (!('commitError' in error)) return error.message;
  try {
    await error.commitError;
    return error.message;
  } catch (cause) {
    return types.isNativeError(cause) ? cause.message : String(cause);
  }
}
