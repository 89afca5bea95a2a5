import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { StoredEvent, StreamName } from '#kernel';
import { type ReadAllOptions, type ReadStreamOptions, StoreHistoryChangedError, StoreUnavailableError } from '../port';
import { allPageRequest, streamNameFilter, streamPageRequest } from './read-requests';
import { isSystemEvent, positionOf, type RecordedEvent, recordedEventOf, toStoredEvent } from './recorded-event';
import { readError } from './rpc-failure';
import type { ReadCall } from './streams-connection';

/** The first page is small, since many readers leave early; later ones grow up to the last size. */
const PAGE_EVENTS_MIN = 8;
/** Who reads a stream forwards mostly wants what others have just written, all of it, in a single round trip. */
const FORWARDS_PAGE_EVENTS_MIN = 128;
const PAGE_EVENTS_MAX = 512;

/**
 * Reads in pages that are always drained, so that no call stays open while a caller works on an event or after it has
 * left.
 */
export class Reads {
  constructor(
    private readonly openCall: (request: ReadReq) => Promise<ReadCall>,
    private readonly idleTimeoutMs: number,
  ) {}

  async *stream(stream: StreamName, options: ReadStreamOptions): AsyncGenerator<StoredEvent> {
    const direction = options.direction ?? 'forwards';
    let left = options.eventsMax ?? Number.POSITIVE_INFINITY;
    let from = options.from;
    const first = direction === 'forwards' ? FORWARDS_PAGE_EVENTS_MIN : PAGE_EVENTS_MIN;
    for (let size = first; left > 0; size = nextSize(size)) {
      const wanted = Math.min(size, left);
      const page = await this.page(streamPageRequest(stream, direction, from, wanted));
      for (const recorded of page) yield toStoredEvent(recorded);
      left -= page.length;
      const last = page.at(-1);
      if (last === undefined || page.length < wanted) return;
      const revision = BigInt(last.getStreamRevision());
      if (direction === 'backwards' && revision === 0n) return;
      from = direction === 'forwards' ? revision + 1n : revision - 1n;
    }
  }

  /** @throws StoreHistoryChangedError */
  async *all(options: ReadAllOptions): AsyncGenerator<StoredEvent> {
    const filter = streamNameFilter(options.streamPrefixes);
    let after = options.after ?? 0n;
    let left = options.eventsMax ?? Number.POSITIVE_INFINITY;
    for (let size = PAGE_EVENTS_MIN; left > 0; size = nextSize(size)) {
      const page = await this.page(allPageRequest('forwards', after, size, filter));
      // Whatever is found stands at or after the position, and so proves that the store reaches that far.
      if (page.length === 0 && after !== 0n) await this.#assertHolds(after);
      for (const recorded of page) {
        const position = positionOf(recorded);
        // A page begins with the record at its position, if that matches the filter.
        if (position === after || isSystemEvent(recorded)) continue;
        if (left <= 0) return;
        left -= 1;
        yield toStoredEvent(recorded);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < size) return;
      after = positionOf(last);
    }
  }

  /** Beyond its end a store gives nothing without a word, so a restored older one would look like one without news. */
  async #assertHolds(position: bigint): Promise<void> {
    const page = await this.pageFrom(position, 1);
    if (page.length === 0) throw new StoreHistoryChangedError(`it ends before position ${position}`);
  }

  /** The record at a position and those after it. */
  async pageFrom(position: bigint, eventsMax: number): Promise<RecordedEvent[]> {
    return this.page(allPageRequest('forwards', position, eventsMax));
  }

  async idAt(position: bigint): Promise<StoredEvent['id'] | undefined> {
    try {
      const [found] = await this.pageFrom(position, 1);
      // A later one is found where the one at the position was scavenged.
      return found !== undefined && positionOf(found) === position ? toStoredEvent(found).id : undefined;
    } catch (error) {
      if (error instanceof StoreHistoryChangedError) return undefined;
      throw error;
    }
  }

  /** The last record of all, the server's own included. */
  async lastRecord(): Promise<RecordedEvent | undefined> {
    const [last] = await this.page(allPageRequest('backwards', undefined, 1));
    return last;
  }

  /** Position of the last event that is not the server's own; 0n when there is none. */
  async lastPosition(): Promise<bigint> {
    let from: bigint | undefined;
    for (let size = 1; ; size = nextSize(size)) {
      const page = await this.page(allPageRequest('backwards', from, size, streamNameFilter(undefined)));
      const found = page.find((recorded) => !isSystemEvent(recorded));
      if (found !== undefined) return positionOf(found);
      const oldest = page.at(-1);
      if (oldest === undefined || page.length < size) return 0n;
      from = positionOf(oldest);
    }
  }

  /** Everything that one bounded read gives; a missing stream gives nothing. */
  async page(request: ReadReq): Promise<RecordedEvent[]> {
    const answers = await this.#drain(request);
    return answers.map(recordedEventOf).filter((recorded) => recorded !== undefined);
  }

  #drain(request: ReadReq): Promise<ReadResp[]> {
    return new Promise((resolve, reject) => {
      let call: ReadCall | undefined;
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        call?.cancel();
        reject(new StoreUnavailableError(`EventStoreDB sent nothing for ${this.idleTimeoutMs} ms during a read`));
      }, this.idleTimeoutMs);
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        reject(readError(error));
      };
      this.openCall(request).then((opened) => {
        call = opened;
        const answers: ReadResp[] = [];
        // Stays attached: an error without a listener would end the process.
        opened.on('error', fail);
        if (late) return opened.cancel();
        opened.on('data', (answer: ReadResp) => {
          answers.push(answer);
          timer.refresh();
        });
        opened.on('end', () => {
          clearTimeout(timer);
          resolve(answers);
        });
      }, fail);
    });
  }
}

function nextSize(size: number): number {
  return Math.min(size * 4, PAGE_EVENTS_MAX);
}
